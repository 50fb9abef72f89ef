// Reads the facts of one journey from Kafka and checks each by the schema that its type names.
//   java -cp … Consume BROKERS SCHEMAS JOURNEY TOPIC...
// Prints a line of JSON for each fact, then how many records it read, and ends at the end of the
// topics. SCHEMAS: a folder of <type>.json.
import com.networknt.schema.Error;
import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import tools.jackson.databind.json.JsonMapper;

public final class Consume {
    private static final JsonMapper JSON = new JsonMapper();
    private final SchemaRegistry dialect =
            SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);
    private final Map<String, Schema> schemas = new HashMap<>();
    private final Path folder;

    private Consume(Path folder) {
        this.folder = folder;
    }

    public static void main(String[] arguments) throws Exception {
        String journey = arguments[2];
        Consume subscriber = new Consume(Path.of(arguments[1]));
        Properties settings = new Properties();
        settings.put("bootstrap.servers", arguments[0]);
        settings.put("client.id", "foreign-java");
        settings.put("enable.auto.commit", "false");
        long read = 0;
        try (var consumer =
                new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            List<TopicPartition> places = new ArrayList<>();
            for (String topic : Arrays.copyOfRange(arguments, 3, arguments.length)) {
                consumer.partitionsFor(topic)
                        .forEach(p -> places.add(new TopicPartition(topic, p.partition())));
            }
            consumer.assign(places);
            consumer.seekToBeginning(places);
            Map<TopicPartition, Long> ends = consumer.endOffsets(places);
            while (ends.entrySet().stream().anyMatch(e -> consumer.position(e.getKey()) < e.getValue())) {
                for (ConsumerRecord<String, String> said : consumer.poll(Duration.ofSeconds(1))) {
                    read++;
                    if (journey.equals(header(said, "ce_correlationid"))) {
                        System.out.println(JSON.writeValueAsString(subscriber.told(said)));
                    }
                }
            }
        }
        System.out.println(JSON.writeValueAsString(Map.of("read", read)));
    }

    private Map<String, Object> told(ConsumerRecord<String, String> said) throws Exception {
        String type = header(said, "ce_type");
        List<String> errors = new ArrayList<>();
        for (Error error : schemaOf(type).validate(said.value(), InputFormat.JSON, asked ->
                asked.executionConfig(config -> config.formatAssertionsEnabled(true)))) {
            errors.add(error.getInstanceLocation() + ": " + error.getMessage());
        }
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("id", header(said, "ce_id"));
        told.put("type", type);
        told.put("subject", header(said, "ce_subject"));
        told.put("sequence", Long.valueOf(header(said, "ce_sequence")));
        told.put("key", said.key());
        told.put("topic", said.topic());
        told.put("partition", said.partition());
        told.put("offset", String.valueOf(said.offset()));
        told.put("valid", errors.isEmpty());
        told.put("errors", errors);
        return told;
    }

    private Schema schemaOf(String type) throws Exception {
        if (!schemas.containsKey(type)) {
            String text = Files.readString(folder.resolve(type + ".json"));
            schemas.put(type, dialect.getSchema(text, InputFormat.JSON));
        }
        return schemas.get(type);
    }

    private static String header(ConsumerRecord<String, String> said, String name) {
        var found = said.headers().lastHeader(name);
        return found == null ? null : new String(found.value());
    }
}
