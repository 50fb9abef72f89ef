// Verifies a webhook as its receiver would: SECRET as argument, {"headers", "body"} on stdin.
import { Webhook } from "standardwebhooks";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { headers, body } = JSON.parse(Buffer.concat(chunks).toString());
try {
  const event = new Webhook(process.argv[2]).verify(body, headers);
  console.log(JSON.stringify({ valid: true, type: event.type }));
} catch (error) {
  console.log(JSON.stringify({ valid: false, error: error.message }));
}
