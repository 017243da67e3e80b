"""All settings; each environment variable is read here, once, and has a default.

`.env.example` explains the variables.
"""

import os
from pathlib import Path

from slmgen import env
from slmgen.accounts import providers
from slmgen.observability import logs

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = env.state(
    "SLMGEN_VAR", BASE_DIR / "var", *("tmp", "static", "files", "metrics", "run")
)

DEBUG = env.flag("SLMGEN_DEBUG", False)
SECRET_KEY = env.secret("SLMGEN_SECRET_KEY", VAR / "secret_key")
PUBLIC_URL = env.origin("SLMGEN_PUBLIC_URL")
ALLOWED_HOSTS = env.words("SLMGEN_ALLOWED_HOSTS", "localhost 127.0.0.1 [::1]")
CSRF_TRUSTED_ORIGINS = env.words("SLMGEN_TRUSTED_ORIGINS", "")
HOST = env.text("HOST", "127.0.0.1")
PORT = env.port("PORT", 8000)
# X-Forwarded-For and -Proto are trusted from this many proxies, at these addresses.
SLMGEN_TRUSTED_PROXIES = env.number("SLMGEN_TRUSTED_PROXIES", 0)
SLMGEN_PROXY_ADDRESSES = env.networks(
    "SLMGEN_PROXY_ADDRESSES",
    "127.0.0.0/8 ::1 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7",
)

# Applications

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "slmgen",
    "slmgen.identity",
    "slmgen.audit",
    "datasets",
    "recommender",
    "notebooks",
    "jobs",
]
MIDDLEWARE = [
    "slmgen.http.public_address.PublicAddressMiddleware",
    "slmgen.http.middleware.RequestIdMiddleware",
    "slmgen.http.middleware.SafeHeadersMiddleware",
    "slmgen.http.error_bodies.ErrorBodiesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "slmgen.accounts.external_redirects.ExternalRedirectMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "slmgen.http.error_pages.PageErrorsMiddleware",
    "slmgen.http.rate_limit_middleware.RatesMiddleware",
]
ROOT_URLCONF = "slmgen.site.urls"
ASGI_APPLICATION = "slmgen.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "slmgen.site.theme.theme_options",
                "slmgen.accounts.context_processors.account_options",
            ]
        },
    }
]

# Database

DATABASE_POOL = env.number("SLMGEN_DATABASE_POOL", 20, at_least=1)
DATABASES = {
    "default": env.database("DATABASE_URL", VAR / "slmgen.sqlite3", DATABASE_POOL)
}
# Rate limits count here, across all processes.
REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")
SLMGEN_CACHE = env.choice("SLMGEN_CACHE", "database", "redis")
DATABASE_CACHE = {
    "BACKEND": "slmgen.db.counting_cache.SharedCache",
    "LOCATION": "slmgen_cache",
    "OPTIONS": {"MAX_ENTRIES": 100_000},
}
REDIS_CACHE = {
    "BACKEND": "django.core.cache.backends.redis.RedisCache",
    "LOCATION": REDIS_URL,
}
# Plain requests are counted here; they are too many for writes to the database.
MEMORY_CACHE = {
    "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
    "LOCATION": "requests",
    "OPTIONS": {"MAX_ENTRIES": 100_000},
}
CACHES = (
    {"default": REDIS_CACHE, "requests": REDIS_CACHE}
    if SLMGEN_CACHE == "redis"
    else {"default": DATABASE_CACHE, "requests": MEMORY_CACHE}
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Files. No upload has a public address, so there is no MEDIA_URL.

SLMGEN_STORAGE = env.choice("SLMGEN_STORAGE", "files", "s3")
S3_BUCKET = env.text("SLMGEN_S3_BUCKET")
LOCAL_FILES = {
    "BACKEND": "slmgen.storage.local.AtomicFileStorage",
    "OPTIONS": {"location": VAR / "files"},
}
OBJECTS = {
    "BACKEND": "slmgen.storage.s3.ObjectStorage",
    "OPTIONS": {
        "endpoint_url": env.text("SLMGEN_S3_ENDPOINT") or None,
        "public_endpoint": env.text("SLMGEN_S3_PUBLIC_ENDPOINT"),
        "bucket_name": S3_BUCKET,
        "access_key": env.text("SLMGEN_S3_ACCESS_KEY") or None,
        "secret_key": env.text("SLMGEN_S3_SECRET_KEY") or None,
        "region_name": env.text("SLMGEN_S3_REGION", "us-east-1"),
    },
}
STORAGES = {
    "default": OBJECTS if SLMGEN_STORAGE == "s3" else LOCAL_FILES,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
FILE_UPLOAD_TEMP_DIR = VAR / "tmp"
# Django would make files that it copies, such as static files, readable for everybody.
FILE_UPLOAD_PERMISSIONS, FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o600, 0o700
FILE_UPLOAD_HANDLERS = ["slmgen.http.upload_handler.LimitedUploadHandler"]
DATA_UPLOAD_MAX_NUMBER_FIELDS = 50
DATA_UPLOAD_MAX_NUMBER_FILES = 3
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

CSRF_FAILURE_VIEW = "slmgen.http.error_views.csrf_failure"

# Identity

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["slmgen.identity.passwords.PasswordBackend"]
LOGIN_URL = "/app/account/login/"
LOGIN_REDIRECT_URL = ACCOUNT_LOGOUT_REDIRECT_URL = "/app/"
SLMGEN_SIGNUP = env.flag("SLMGEN_SIGNUP", True)
ACCOUNT_ADAPTER = "slmgen.accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_FORMS = {
    "change_password": "slmgen.accounts.forms.PasswordChangeForm",
    "reset_password_from_key": "slmgen.accounts.forms.PasswordResetForm",
}
ACCOUNT_USERNAME_VALIDATORS = "slmgen.accounts.usernames.VALIDATORS"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[SLMGEN] "
ACCOUNT_EMAIL_NOTIFICATIONS = True
# How long a sign-in or a repeated password counts as recent: creating an API token and
# changing an email address or a connection ask for one.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_MAX_EMAIL_ADDRESSES = 5
# By address only; the authentication backend counts failures per account.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip"}
# No form reveals whether an email address has an account, sign-up included.
ACCOUNT_PREVENT_ENUMERATION = "strict"
# Addresses that a client writes into X-Forwarded-For are not trusted.
ALLAUTH_TRUSTED_PROXY_COUNT = SLMGEN_TRUSTED_PROXIES

# Sign-in providers; their apps are installed only where they are configured.

SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX = ""
SOCIALACCOUNT_ADAPTER = "slmgen.accounts.adapters.SocialAccountAdapter"
SOCIALACCOUNT_PROVIDERS = providers.configured(
    github=providers.GitHub(
        env.text("SLMGEN_GITHUB_CLIENT_ID"),
        env.text("SLMGEN_GITHUB_CLIENT_SECRET"),
        env.text("SLMGEN_GITHUB_URL"),
    ),
    oidc=providers.OpenIDConnect(
        env.text("SLMGEN_OIDC_CLIENT_ID"),
        env.text("SLMGEN_OIDC_CLIENT_SECRET"),
        env.text("SLMGEN_OIDC_ISSUER"),
        env.text("SLMGEN_OIDC_NAME", "OpenID Connect"),
    ),
)
INSTALLED_APPS += [
    f"allauth.socialaccount.providers.{name}" for name in SOCIALACCOUNT_PROVIDERS
]

# Email: by SMTP, or as files in a folder where no server is configured.

EMAIL_HOST = env.text("SLMGEN_EMAIL_HOST")
EMAIL_PORT = env.port("SLMGEN_EMAIL_PORT", 587)
EMAIL_HOST_USER = env.text("SLMGEN_EMAIL_USER")
EMAIL_HOST_PASSWORD = env.text("SLMGEN_EMAIL_PASSWORD")
EMAIL_USE_SSL = env.flag("SLMGEN_EMAIL_SSL", False)
EMAIL_USE_TLS = env.flag("SLMGEN_EMAIL_STARTTLS", True) and not EMAIL_USE_SSL
EMAIL_TIMEOUT = 10
EMAIL_FILE_PATH = VAR / "mail"
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if EMAIL_HOST
    else "django.core.mail.backends.filebased.EmailBackend"
)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("SLMGEN_EMAIL_FROM", "slmgen@localhost")

SUPABASE_URL = env.text("SUPABASE_URL")
SUPABASE_JWT_SECRET = env.text("SUPABASE_JWT_SECRET")
SUPABASE_JWT_ISSUER = env.text("SUPABASE_JWT_ISSUER")
SLMGEN_JWT_MODE = env.text("SLMGEN_JWT_MODE")
SLMGEN_JWKS_URL = env.text("SLMGEN_JWKS_URL")
SLMGEN_TOKEN_MINUTES = env.number("SLMGEN_TOKEN_MINUTES", 60, at_least=1)

# API

# The API takes tokens only, and JSON only. Sessions belong to the pages.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "slmgen.identity.authentication.BearerAuthentication"
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_PARSER_CLASSES": ["slmgen.http.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "slmgen.http.negotiation.AlwaysJson",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["slmgen.http.rate_limits.ApiRates"],
    "DEFAULT_THROTTLE_RATES": {"token": "10/min"},
    "EXCEPTION_HANDLER": "slmgen.http.api_errors.exception_handler",
    "UNICODE_JSON": True,
    "NUM_PROXIES": SLMGEN_TRUSTED_PROXIES,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SLMGEN API",
    "VERSION": "0.1.0",
    "DESCRIPTION": "From chat data to a fine-tuning notebook that runs.",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "slmgen.identity.authentication.name_scope_refusals",
    ],
}

# Requests per minute: by account; without one, half as many by address. A server that
# nobody else can reach needs no limits.

SLMGEN_RATE_LIMITS = env.flag(
    "SLMGEN_RATE_LIMITS", HOST not in env.LOOPBACK or SLMGEN_TRUSTED_PROXIES > 0
)
SLMGEN_RATES = {
    "requests": env.number("SLMGEN_RATE_REQUESTS", 600, at_least=1),
    "uploads": env.number("SLMGEN_RATE_UPLOADS", 30, at_least=1),
    "notebooks": env.number("SLMGEN_RATE_NOTEBOOKS", 60, at_least=1),
    "refusals": env.number("SLMGEN_RATE_REFUSED", 60, at_least=1),
}

# Quotas per owner; 0 is no limit.

SLMGEN_QUOTA_DATASETS = env.number("SLMGEN_QUOTA_DATASETS", 1_000)
SLMGEN_QUOTA_MB = env.number("SLMGEN_QUOTA_MB", 50_000)
SLMGEN_QUOTA_JOBS = env.number("SLMGEN_QUOTA_JOBS", 10_000)
SLMGEN_QUOTA_ANONYMOUS_MB = env.number("SLMGEN_QUOTA_ANONYMOUS_MB", 50_000)

# Datasets

SLMGEN_MAX_UPLOAD_BYTES = env.number("SLMGEN_MAX_UPLOAD_MB", 512, at_least=1) * 10**6
SLMGEN_MAX_LINE_BYTES = env.number("SLMGEN_MAX_LINE_MB", 8, at_least=1) * 10**6
SLMGEN_MIN_EXAMPLES = env.number("SLMGEN_MIN_EXAMPLES", 1, at_least=1)
SLMGEN_ENCODING = env.text("SLMGEN_ENCODING", "o200k_base")
SLMGEN_TOKENIZER = env.text("SLMGEN_TOKENIZER", "toktok")
# The app that knows models gives `datasets`, which is below it, what to count by.
MODEL_TOKENIZERS = "recommender.services.tokenizers"
SLMGEN_WORK_MEMORY_BYTES = (
    env.number("SLMGEN_WORK_MEMORY_MB", 2_000, at_least=200) * 10**6
)
SLMGEN_PROCESSES = env.number("SLMGEN_PROCESSES", os.cpu_count() or 1, at_least=1)
SLMGEN_SPREAD_BYTES = 16 * 10**6  # Smaller files are read in one process
SLMGEN_ANALYSIS_WAIT_SECONDS = env.number("SLMGEN_ANALYSIS_WAIT_SECONDS", 20)
SLMGEN_INLINE_ANALYSIS_BYTES = env.number("SLMGEN_INLINE_ANALYSIS_MB", 2) * 10**6

# Content expires: unowned data after hours, other data after days; 0 is never.

SLMGEN_KEEP_ANONYMOUS_HOURS = env.number("SLMGEN_KEEP_ANONYMOUS_HOURS", 24)
SLMGEN_KEEP_DAYS = env.number("SLMGEN_KEEP_DAYS", 30)

# Work: the executor, and how long a worker without progress keeps a claim.

SLMGEN_TASKS = env.choice("SLMGEN_TASKS", "embedded", "celery")
SLMGEN_LEASE_SECONDS = env.number("SLMGEN_LEASE_SECONDS", 60, at_least=1)
SLMGEN_WORKERS = env.number("SLMGEN_WORKERS", 1, at_least=1)

# Notebooks

SLMGEN_NOTEBOOK_EMBED_MB = env.number("SLMGEN_NOTEBOOK_EMBED_MB", 5)
SLMGEN_DATA_LINK_DAYS = env.number("SLMGEN_DATA_LINK_DAYS", 30, at_least=1)

# Jobs

SLMGEN_TRAINING_SECRET_DAYS = env.number("SLMGEN_TRAINING_SECRET_DAYS", 7, at_least=1)
# Open event streams per process.
SLMGEN_STREAMS = env.number("SLMGEN_STREAMS", 500, at_least=1)
SLMGEN_STREAMS_PER_ACCOUNT = env.number("SLMGEN_STREAMS_PER_ACCOUNT", 20, at_least=1)
SLMGEN_STREAMS_PER_JOB = env.number("SLMGEN_STREAMS_PER_JOB", 5, at_least=1)

# Security

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
HTTPS = env.flag("SLMGEN_HTTPS", False)
if SLMGEN_TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
if HTTPS:
    # Browsers send these cookies to this host only, and never over plain http.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
# Probed on this host or inside its network, without https: they hold no data.
SECURE_REDIRECT_EXEMPT = [r"^health(/ready)?$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# Other hosts of the domain may have no https; its owner decides.
SLMGEN_HSTS = env.choice("SLMGEN_HSTS", "host", "subdomains", "preload")
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS and SLMGEN_HSTS != "host"
SECURE_HSTS_PRELOAD = HTTPS and SLMGEN_HSTS == "preload"
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if not HTTPS:
    # A server on a laptop has no https; SLMGEN_HTTPS=true enables these.
    plain = ["security.W004", "security.W008", "security.W012", "security.W016"]
    SILENCED_SYSTEM_CHECKS += plain

# Metrics for Prometheus: off, unless there is a token to read them with.

SLMGEN_METRICS_TOKEN = env.text("SLMGEN_METRICS_TOKEN")
METRICS_FOLDER = VAR / "metrics"
if SLMGEN_METRICS_TOKEN:
    env.share("PROMETHEUS_MULTIPROC_DIR", METRICS_FOLDER)

# Traces: off, unless a collector is configured. The library reads its OTEL_ variables
# itself; these are the ones that turn it on, and a secret.

TRACES = any(
    [
        env.exported("OTEL_EXPORTER_OTLP_ENDPOINT"),
        env.exported("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    ]
)
env.exported("OTEL_EXPORTER_OTLP_HEADERS")
if TRACES:
    env.choice("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")

# Language, time, logs

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
LOGGING = logs.configuration(
    level=env.text("SLMGEN_LOG_LEVEL", "INFO").upper(),
    form=env.choice("SLMGEN_LOG_FORMAT", "lines", "json"),
)
