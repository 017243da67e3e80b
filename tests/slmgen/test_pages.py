def test_the_start_page_leads_to_the_api(client):
    page = client.get("/app/")

    assert page.status_code == 200
    assert 'href="/docs/api/"' in page.content.decode()


def test_an_unknown_page_is_an_html_404(client):
    page = client.get("/app/nothing/")

    assert page.status_code == 404
    assert page["Content-Type"].startswith("text/html")
    assert "There is nothing at this address" in page.content.decode()
