# Stands in for apache/kafka:4.3.1 where no image can be pulled: Kafka's own jars, and its own
# `KafkaDockerWrapper`, which makes server.properties of KAFKA_* as in the official image.
# `python -m local_infra.containers` builds it.
ARG BASE=localhost/ltc-base:bookworm
FROM ${BASE}
RUN useradd --uid 1000 --create-home appuser \
    && install -d -o appuser -g appuser /opt/kafka/config /mnt/shared/config /etc/kafka/docker \
       /etc/kafka/secrets /var/lib/kafka/data
COPY --from=java . /opt/java
COPY --from=jars . /opt/kafka/libs
COPY kafka-run-class.sh /opt/kafka/bin/kafka-run-class.sh
COPY kafka-run.sh /etc/kafka/docker/run
COPY kafka-log4j2.yaml /etc/kafka/docker/log4j2.yaml
RUN for tool in broker-api-versions:org.apache.kafka.tools.BrokerApiVersionsCommand topics:org.apache.kafka.tools.TopicCommand; do \
      printf '#!/bin/sh\nexec /opt/kafka/bin/kafka-run-class.sh %s "$@"\n' "${tool#*:}" > /opt/kafka/bin/kafka-${tool%%:*}.sh; \
    done; chmod +x /opt/kafka/bin/*.sh
ENV PATH=/opt/java/bin:$PATH CLUSTER_ID=5L6g3nShT-eMCtK--X86sw
USER appuser
VOLUME /var/lib/kafka/data
EXPOSE 9092
CMD ["/etc/kafka/docker/run"]
