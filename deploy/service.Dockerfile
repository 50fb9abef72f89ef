# One recipe for every service: SOURCE names its folder. Nobody's user; needs no writable root.
#   docker build -f deploy/service.Dockerfile --build-arg SOURCE=services/quote-svc -t ltc/quote-svc:0.1.0 .
ARG PYTHON_IMAGE=python:3.11-slim
FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY deploy/service.lock .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r service.lock
COPY libs libs
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation ./libs/contracts ./libs/chassis
# Only from here on do the images differ: an engine makes what is above once for all of them.
ARG SOURCE
COPY ${SOURCE} own
RUN if [ "${SOURCE}" != libs/chassis ]; then /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation ./own; fi \
    && /venv/bin/pip uninstall -y hatchling editables setuptools pip

FROM ${PYTHON_IMAGE}
# Where the development issuer keeps its key: a new volume takes its owner from here.
RUN install -d -o 65534 -g 65534 -m 700 /keys
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
ARG SOURCE
LABEL org.opencontainers.image.source=${SOURCE}
USER 65534:65534
EXPOSE 8000
CMD ["python", "-c", "raise SystemExit('say what to run: <service> serve, or <service> migrate')"]
