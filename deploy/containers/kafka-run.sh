#!/bin/bash
# Settings of KAFKA_*, storage formatted when it is new, then the broker: as apache/kafka starts.
set -euo pipefail
said=$(/opt/kafka/bin/kafka-run-class.sh kafka.docker.KafkaDockerWrapper setup \
  --default-configs-dir /etc/kafka/docker --mounted-configs-dir /mnt/shared/config \
  --final-configs-dir /opt/kafka/config 2>&1) \
  || grep -q 'already formatted' <<< "$said" || { echo "$said" >&2; exit 1; }
exec /opt/kafka/bin/kafka-run-class.sh kafka.Kafka /opt/kafka/config/server.properties
