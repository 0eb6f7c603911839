"""Quayside's settings: one file, every value from the environment through `config.env`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dj_database_url
from cryptography.fernet import Fernet
from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _

from config import values
from config.env import (
    env_bool,
    env_int,
    env_kept_secret,
    env_list,
    env_secret,
    env_str,
    problems,
)

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"
DATA_DIR = Path(env_str("QUAYSIDE_DATA_DIR", str(BASE_DIR / "data"))).resolve()

# --- Web -----------------------------------------------------------------------------------
BIND = env_str("BIND", "127.0.0.1")
PORT = env_int("PORT", 8000, low=1, high=65535)
DEBUG = env_bool("QUAYSIDE_DEBUG", False)
HTTPS = env_bool("QUAYSIDE_HTTPS", False)
LOOPBACK = BIND in {"127.0.0.1", "localhost", "::1"}
ALLOWED_HOSTS = values.host_names(
    "QUAYSIDE_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if LOOPBACK else ["*"]
)
CSRF_TRUSTED_ORIGINS = env_list("QUAYSIDE_CSRF_TRUSTED_ORIGINS", [])
TRUSTED_PROXIES = env_int("QUAYSIDE_TRUSTED_PROXIES", 0, low=0, high=10)
SECRET_KEY = values.secret_key(
    "QUAYSIDE_SECRET_KEY", env_kept_secret("QUAYSIDE_SECRET_KEY", DATA_DIR / "secret.key")
)
ENCRYPTION_KEYS = [
    key.strip()
    for key in env_kept_secret(
        "QUAYSIDE_ENCRYPTION_KEYS",
        DATA_DIR / "encryption.key",
        lambda: Fernet.generate_key().decode(),
    ).split(",")
    if key.strip()
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
SITE_ID = 1

INSTALLED_APPS = [
    "fleet",
    "dashboard",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "dashboard.staticfiles.StaticFiles",
    "django.contrib.humanize",
    "django_htmx",
    "template_partials",
    "channels",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.usersessions",
    "django_celery_beat",
    "ninja",
]

MIDDLEWARE = [
    "dashboard.metrics.Measured",
    "dashboard.middleware.Wellformed",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # with its guard against BREACH
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "dashboard.views.errors.FailurePages",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "dashboard.middleware.Personal",
    "dashboard.middleware.SignInRequired",
    "dashboard.middleware.AccessErrors",
]

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
                "dashboard.context.frame",
            ],
            "builtins": ["dashboard.templatetags.quayside"],
        },
    }
]

# --- Data ----------------------------------------------------------------------------------
# SQLite cannot keep the constraint that a grant exists once; grant_create looks itself.
SILENCED_SYSTEM_CHECKS = ["models.W047"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SQLITE_OPTIONS: dict[str, Any] = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA cache_size=-16000;",
}
DATABASE_ENGINES = {"django.db.backends.postgresql", "django.db.backends.sqlite3"}


def database() -> dict[str, Any]:
    """Return the one database: `QUAYSIDE_DATABASE_URL`, else SQLite in the data folder."""
    url = env_secret("QUAYSIDE_DATABASE_URL") or f"sqlite:///{DATA_DIR / 'quayside.sqlite3'}"
    try:
        found: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=600))
    except Exception:  # noqa: BLE001 - the library raises several; the message is ours
        found = {}
    if found.get("ENGINE") not in DATABASE_ENGINES or not found.get("NAME"):
        problems.append("QUAYSIDE_DATABASE_URL must look like postgres://user:password@host/name.")
        found = dict(dj_database_url.parse("sqlite://:memory:"))
    if "sqlite" in str(found.get("ENGINE")):
        found["OPTIONS"] = SQLITE_OPTIONS
    else:
        found["OPTIONS"] = {"connect_timeout": 10, **found.get("OPTIONS", {})}
    found["CONN_HEALTH_CHECKS"] = True
    return found


DATABASES = {"default": database()}

REDIS_SOCKET = DATA_DIR / "redis" / "redis.sock"
REDIS_URL = values.redis_url(
    "QUAYSIDE_REDIS_URL",
    env_secret("QUAYSIDE_REDIS_URL")
    or (
        f"unix://{REDIS_SOCKET}" if os.access(REDIS_SOCKET, os.F_OK) else "redis://127.0.0.1:6379/0"
    ),
)
IN_MEMORY = REDIS_URL == "memory://"  # tests of one process only

CACHES: dict[str, dict[str, Any]] = {
    "default": (
        {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
        if IN_MEMORY
        else {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "quayside",
            "OPTIONS": {"socket_connect_timeout": 3, "socket_timeout": 5},  # no page hangs for it
        }
    ),
    # What a process remembers for itself, so that no page waits for Redis to learn it.
    "process": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "process",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": (
        {"BACKEND": "channels.layers.InMemoryChannelLayer"}
        if IN_MEMORY
        else {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [values.channel_host(REDIS_URL)], "prefix": "quayside"},
        }
    )
}

# --- Jobs ----------------------------------------------------------------------------------
CELERY_BROKER_URL = "memory://" if IN_MEMORY else REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": "quayside:",
    "visibility_timeout": 86400,
    # A click never waits for a Redis that is away: the reaper sends again.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.2,
    "socket_connect_timeout": 3,
    "socket_timeout": 10,
}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "fleet.jobs.schedule:LockedScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 2
JOBS_PER_HOST = env_int("QUAYSIDE_JOBS_PER_HOST", 8, low=1, high=100)
JOB_DAYS = env_int("QUAYSIDE_JOB_DAYS", 90, low=1, high=3650)
JOB_SILENCE_SECONDS = env_int("QUAYSIDE_JOB_SILENCE_SECONDS", 20, low=5, high=600)

# --- Builds --------------------------------------------------------------------------------
# Contexts while they are built; uploaded archives are kept in the data folder.
BUILD_DIR = Path(values.absolute_path("QUAYSIDE_BUILD_DIR", str(DATA_DIR / "builds")))
BUILD_ARCHIVE_DIR = DATA_DIR / "archives"
BUILD_CONTEXT_BYTES = env_int(
    "QUAYSIDE_BUILD_CONTEXT_BYTES", 2 * 1024**3, low=1024**2, high=1024**4
)
BUILD_CACHE_BYTES = env_int("QUAYSIDE_BUILD_CACHE_BYTES", 20 * 1024**3, low=0, high=100 * 1024**4)
# Uploads may be large, and /tmp is often memory.
FILE_UPLOAD_TEMP_DIR = values.made_folder(DATA_DIR / "uploads")

# --- Images as files -----------------------------------------------------------------------
# Tars that were sent here, until the last host has loaded them.
IMAGE_TAR_DIR = DATA_DIR / "image-tars"
IMAGE_TAR_BYTES = env_int("QUAYSIDE_IMAGE_TAR_BYTES", 20 * 1024**3, low=1024**2, high=1024**4)

# --- Watcher -------------------------------------------------------------------------------
EVENT_DAYS = env_int("QUAYSIDE_EVENT_DAYS", 30, low=1, high=3650)
RELIST_SECONDS = env_int("QUAYSIDE_RELIST_SECONDS", 300, low=10, high=86400)
LEASE_SECONDS = env_int("QUAYSIDE_LEASE_SECONDS", 6, low=2, high=60)
# Between two readings of what containers use; 0: none are taken.
SAMPLE_SECONDS = values.seconds_or_never("QUAYSIDE_SAMPLE_SECONDS", 10, low=5, high=300)
LOCAL_SOCKET = values.absolute_path("QUAYSIDE_LOCAL_SOCKET", "/var/run/docker.sock")

# --- Outside -------------------------------------------------------------------------------
# Between two checks of an image that runs; 0: none but by hand.
UPDATE_HOURS = env_int("QUAYSIDE_UPDATE_HOURS", 6, low=0, high=720)
# Networks and names that are no public addresses and may be connected to all the same.
OUTBOUND_ALLOW = values.networks_and_names("QUAYSIDE_OUTBOUND_ALLOW")
HUB_URL = values.web_address("QUAYSIDE_HUB_URL", "https://hub.docker.com")

# --- Programs that may be there: "" looks on PATH ----------------------------------------------
HADOLINT = env_str("QUAYSIDE_HADOLINT", "")
TRIVY = env_str("QUAYSIDE_TRIVY", "")
TRIVY_DB_REPOSITORY = env_str("QUAYSIDE_TRIVY_DB_REPOSITORY", "")
TRIVY_CACHE_DIR = DATA_DIR / "trivy"  # its database, kept from scan to scan
SCAN_DAYS = env_int("QUAYSIDE_SCAN_DAYS", 7, low=1, high=3650)

# --- Live pages ----------------------------------------------------------------------------
SOCKETS_PER_USER = env_int("QUAYSIDE_SOCKETS_PER_USER", 1000, low=1, high=100_000)

# --- Terminals -----------------------------------------------------------------------------
TERMINAL_IDLE_SECONDS = env_int("QUAYSIDE_TERMINAL_IDLE_SECONDS", 3600, low=0, high=7 * 86400)
TERMINAL_KEEP_SECONDS = env_int("QUAYSIDE_TERMINAL_KEEP_SECONDS", 60, low=5, high=3600)
TERMINALS_PER_USER = env_int("QUAYSIDE_TERMINALS_PER_USER", 20, low=1, high=1000)

# --- People --------------------------------------------------------------------------------
AUTH_USER_MODEL = "fleet.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTH_PASSWORD_VALIDATORS[1] = {
    **AUTH_PASSWORD_VALIDATORS[1],
    "OPTIONS": {"min_length": 10},  # type: ignore[dict-item]
}
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "fleet"
ACCOUNT_ADAPTER = "dashboard.accounts.AccountAdapter"
ACCOUNT_FORMS = {"login": "dashboard.forms.sign_in.SignInForm"}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "30/m/ip,6/5m/key",
    # What proves nothing, by address; what does, by webhook.
    "webhook_failed": "60/m/ip",
    "webhook": "120/m/key",
}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "quayside_session"
CSRF_COOKIE_NAME = "quayside_csrf"
CSRF_FAILURE_VIEW = "dashboard.views.errors.csrf_failure"

# --- Safety --------------------------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
X_FRAME_OPTIONS = "DENY"
# Below the bound of bodies: a form that is much too long still gets its own sentences.
DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# --- Words, times, files -------------------------------------------------------------------
LANGUAGES = [("en", _("English"))]
LANGUAGE_CODE = values.language("QUAYSIDE_LANGUAGE", "en", [code for code, _name in LANGUAGES])
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = values.time_zone("QUAYSIDE_TIME_ZONE", "UTC")
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "build" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_KEEP_ONLY_HASHED_FILES = False
WHITENOISE_USE_FINDERS = IN_MEMORY or DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if IN_MEMORY or DEBUG
            else "dashboard.staticfiles.ModuleStorage"
        )
    },
}

# --- Logs ----------------------------------------------------------------------------------
LOG_LEVEL = env_str("QUAYSIDE_LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
    problems.append("QUAYSIDE_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR.")
    LOG_LEVEL = "INFO"
LOGGING_CONFIG = None  # config.logs sets structlog up for every process

SETTING_PROBLEMS = problems  # told by the system checks
