# One recipe for every service: PACKAGE names it. Runs as nobody, with a read-only root.
ARG PYTHON_IMAGE=python:3.11-slim
FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY requirements.lock .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY libs libs
COPY services services
COPY console console
COPY deploy/local deploy/local
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation \
    libs/contracts libs/chassis services/*-svc console deploy/local

FROM ${PYTHON_IMAGE}
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
USER 65534:65534
EXPOSE 8000
CMD ["sh", "-c", "python -m chassis.migrate $LTC_SERVICE_PACKAGE && exec python -m chassis.serve $LTC_SERVICE_PACKAGE"]
