"""Settings of Halite, from the environment. Every variable is in docs/administrator.md.

HALITE_PROFILE decides how strict they are: `demo` (embedded services, generated secret), `plant`
(everything must be given, unsafe values refuse to start: mes/checks.py), `test`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from mes.runtime import environment
from mes.runtime.logs import configure_structlog, logging_settings
from mes.runtime.postgres import APP, OWNER, SIMULATOR
from mes.runtime.state import StateDirectory

BASE_DIR = Path(__file__).resolve().parent.parent
PROFILE = environment.one_of("HALITE_PROFILE", ("demo", "plant", "test"), "demo")
IS_PLANT = PROFILE == "plant"
STATE = StateDirectory.from_environment()
PROCESS_NAME = environment.text("HALITE_PROCESS", "manage")

DEBUG = environment.flag("HALITE_DEBUG")
SECRET_KEY = environment.text("SECRET_KEY")
if not SECRET_KEY:
    if IS_PLANT:
        raise ImproperlyConfigured(
            "SECRET_KEY is missing: set 50 or more random characters, the same on every host"
        )
    SECRET_KEY = environment.secret_from_file(STATE.secret_key)
ALLOWED_HOSTS = environment.names("ALLOWED_HOSTS") or (
    [] if IS_PLANT else ["localhost", "127.0.0.1", "[::1]"]
)
CSRF_TRUSTED_ORIGINS = environment.names("CSRF_TRUSTED_ORIGINS")

# --- applications -------------------------------------------------------------------------------
HAS_SIMULATOR = not IS_PLANT and find_spec("mes.simulator.apps") is not None
ADMIN_ENABLED = environment.flag("HALITE_ADMIN")

INSTALLED_APPS = [
    "mes.apps.MesConfig",  # first: its `migrate` replaces Django's
    "mes.web",
    "quality",
    "spc",
    "lots",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "ninja",
    *(["django.contrib.admin"] if ADMIN_ENABLED else []),
    *(["mes.simulator"] if HAS_SIMULATOR else []),
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "mes.middleware.SessionExpiryMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "mes.middleware.SteadyReadsMiddleware",
]

ROOT_URLCONF = "mes.urls"
WSGI_APPLICATION = "mes.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "mes" / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "mes.web.context.shell",
            ]
        },
    }
]

# --- database -----------------------------------------------------------------------------------
# `default` is what the application may do; `owner` migrates and nothing else (DESIGN: database roles).
# A process frozen inside a transaction must not keep charts and lots locked. A request may compute meanwhile: the
# longest, a cycler file of 700,000 rows, takes a few seconds.
IDLE_LIMITS = {"worker": "5s", "sweeper": "5s", "web": "20s"}
SESSION_PARAMETERS = {
    "timezone": "UTC",
    "synchronous_commit": "on",
    "statement_timeout": f"{environment.whole_number('HALITE_STATEMENT_TIMEOUT_S', 30, low=1, high=3600)}s",
    "lock_timeout": f"{environment.whole_number('HALITE_LOCK_TIMEOUT_S', 10, low=1, high=3600)}s",
    "idle_in_transaction_session_timeout": IDLE_LIMITS.get(PROCESS_NAME.split("-")[0], "60s"),
    "application_name": f"halite-{PROCESS_NAME}",
}
MIGRATION_PARAMETERS = {
    "timezone": "UTC",
    "synchronous_commit": "on",
    "lock_timeout": "30s",
    "application_name": "halite-migrate",
}
DATABASE_URL = environment.text("DATABASE_URL")
USES_EMBEDDED_DATABASE = not DATABASE_URL
if not DATABASE_URL:
    if IS_PLANT:
        raise ImproperlyConfigured(
            "DATABASE_URL is missing: set postgresql://halite_app:PASSWORD@HOST/halite"
        )
    DATABASE_URL = STATE.database_url(APP)
# Web and workers of a plant need no owner: only the host that migrates gets its URL.
DATABASE_OWNER_URL = environment.text("DATABASE_OWNER_URL") or (
    STATE.database_url(OWNER) if USES_EMBEDDED_DATABASE else DATABASE_URL
)
DATABASES = {
    "default": environment.database(DATABASE_URL, variable="DATABASE_URL", options=SESSION_PARAMETERS),
    "owner": environment.database(
        DATABASE_OWNER_URL, variable="DATABASE_OWNER_URL", options=MIGRATION_PARAMETERS
    ),
}
if HAS_SIMULATOR:
    # The declared truth of the simulated line, which the application's role cannot read.
    DATABASE_SIMULATOR_URL = environment.text("DATABASE_SIMULATOR_URL") or STATE.database_url(SIMULATOR)
    DATABASES["simulator"] = environment.database(
        DATABASE_SIMULATOR_URL, variable="DATABASE_SIMULATOR_URL", options=SESSION_PARAMETERS
    )
DATABASE_ROUTERS = ["mes.runtime.routers.OwnerMigrates"]

# --- people -------------------------------------------------------------------------------------
AUTH_USER_MODEL = "lots.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    *(
        ["django.contrib.auth.hashers.MD5PasswordHasher"] if PROFILE == "test" else []
    ),  # tests make many users
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
] + [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    }
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"

# One user at one address is throttled: wrong passwords at one terminal lock nobody else out.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 5 / 60  # hours
AXES_RESET_ON_SUCCESS = False  # attempts are kept: the application's role deletes nothing
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_VERBOSE = False

SESSION_IDLE_SECONDS = 60 * environment.whole_number("HALITE_SESSION_IDLE_MINUTES", 30, low=1, high=1440)
SESSION_COOKIE_AGE = 60 * 60 * environment.whole_number("HALITE_SESSION_HOURS", 12, low=1, high=168)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = False  # htmx sends it as a header
CSRF_COOKIE_SAMESITE = "Lax"

# --- browser ------------------------------------------------------------------------------------
HTTPS = environment.flag("HALITE_HTTPS", default=IS_PLANT)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_SSL_REDIRECT = HTTPS
# Probes come over plain HTTP from inside.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if environment.flag("HALITE_BEHIND_PROXY") else None
)
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        "manifest-src": [SELF],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

STATIC_URL = "static/"
STATIC_ROOT = Path(environment.text("HALITE_STATIC_DIR") or STATE.static)
STATICFILES_DIRS = [path for path in [BASE_DIR / "mes" / "web" / "static"] if path.is_dir()]
# Curves of instruments, as Parquet; on several hosts a shared directory.
ANCHORS_FILE = Path(environment.text("HALITE_ANCHORS_FILE") or STATE.root / "audit-anchors.jsonl")
PACKAGES_DIR = Path(environment.text("HALITE_PACKAGES_DIR") or STATE.packages)
CURVES_DIR = Path(environment.text("HALITE_CURVES_DIR") or STATE.curves)
# The demo and the plant serve hashed, collected files; tests serve the sources.
STATIC_BACKEND = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
    if PROFILE == "test"
    else "whitenoise.storage.CompressedManifestStaticFilesStorage"
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": STATIC_BACKEND},
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = PROFILE == "test"

# --- time and language --------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"  # instants are UTC; each site shows its own zone
LANGUAGE_CODE = "en"
USE_I18N = False

# --- broker and workers -------------------------------------------------------------------------
REDIS_URL = environment.text("REDIS_URL")
USES_EMBEDDED_BROKER = not REDIS_URL
if not REDIS_URL:
    if IS_PLANT:
        raise ImproperlyConfigured("REDIS_URL is missing: set rediss://:PASSWORD@HOST:6379/0")
    REDIS_URL = STATE.broker_url

CELERY_BROKER_URL = (
    "redis+socket" + REDIS_URL.removeprefix("unix") if REDIS_URL.startswith("unix:") else REDIS_URL
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 30
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # A lost worker's task comes back after this; it must exceed the time limit.
    "visibility_timeout": 60,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    # A frozen broker must not hang the sender.
    "socket_timeout": 15,
    "socket_connect_timeout": 1,
}
# One short retry: the message is a hint, the sweeper finds what it lost.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.05, "interval_max": 0.05}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# --- logs ---------------------------------------------------------------------------------------
LOG_LEVEL = environment.one_of("HALITE_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")
configure_structlog()
LOGGING = logging_settings(LOG_LEVEL)
