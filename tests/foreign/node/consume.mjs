// Reads the facts of one journey from Kafka and checks each by the schema that its type names.
//   node consume.mjs BROKERS SCHEMAS JOURNEY TOPIC...
// Prints a line of JSON for each fact, then how many records it read, and ends at the end of the
// topics. SCHEMAS: a folder of <type>.json, or the address of the catalogue's /schemas.
import { readFile } from "node:fs/promises";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import kafkajs from "kafkajs";
import lz4 from "lz4-napi";

// Our batches are compressed with LZ4, which kafkajs leaves to its users.
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: ({ buffer }) => lz4.compressFrame(buffer),
  decompress: (buffer) => lz4.decompressFrame(buffer),
});

const [brokers, schemas, journey, ...topics] = process.argv.slice(2);
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats(ajv);
const compiled = new Map();

async function schemaOf(type) {
  if (/^https?:/.test(schemas)) {
    const answer = await fetch(`${schemas}/${type}`);
    if (!answer.ok) throw new Error(`${schemas}/${type}: ${answer.status}`);
    return answer.json();
  }
  return JSON.parse(await readFile(`${schemas}/${type}.json`, "utf8"));
}

async function validatorOf(type) {
  if (!compiled.has(type)) compiled.set(type, ajv.compile(await schemaOf(type)));
  return compiled.get(type);
}

const header = (message, name) => message.headers?.[name]?.toString() ?? null;

async function told(topic, partition, message) {
  const type = header(message, "ce_type");
  const validate = await validatorOf(type);
  const valid = validate(JSON.parse(message.value.toString()));
  return {
    id: header(message, "ce_id"),
    type,
    subject: header(message, "ce_subject"),
    sequence: Number(header(message, "ce_sequence")),
    key: message.key.toString(),
    topic,
    partition,
    offset: message.offset,
    valid,
    errors: valid ? [] : validate.errors.map((e) => `${e.instancePath}: ${e.message}`),
  };
}

const kafka = new Kafka({
  clientId: "foreign-node",
  brokers: brokers.split(","),
  logLevel: logLevel.ERROR,
});
const admin = kafka.admin();
await admin.connect();
const left = new Map();
for (const topic of topics) {
  for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
    if (Number(high) > Number(low)) left.set(`${topic}/${partition}`, Number(high));
  }
}
await admin.disconnect();

let read = 0;
const consumer = kafka.consumer({ groupId: `foreign-node-${process.pid}-${Date.now()}` });
await consumer.connect();
await consumer.subscribe({ topics, fromBeginning: true });
const done = new Promise((resolve, reject) => {
  if (left.size === 0) resolve();
  consumer
    .run({
      autoCommit: false,
      eachMessage: async ({ topic, partition, message }) => {
        read += 1;
        try {
          if (header(message, "ce_correlationid") === journey) {
            console.log(JSON.stringify(await told(topic, partition, message)));
          }
        } catch (error) {
          reject(error);
        }
        const place = `${topic}/${partition}`;
        if (Number(message.offset) + 1 >= (left.get(place) ?? 0)) left.delete(place);
        if (left.size === 0) resolve();
      },
    })
    .catch(reject);
});
await done;
await consumer.disconnect();
console.log(JSON.stringify({ read }));
