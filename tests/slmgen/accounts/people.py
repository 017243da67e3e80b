PASSWORD = "correct-horse-battery"
SIGNUP = {
    "username": "ada",
    "email": "ada@example.org",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


def sign_up(client, **changes):
    return client.post("/app/account/signup/", {**SIGNUP, **changes})


def sign_in(client, login="owner", password="owner-password", to=""):
    return client.post(
        "/app/account/login/", {"login": login, "password": password, "next": to}
    )
