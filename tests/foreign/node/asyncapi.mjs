// The official parser's verdict on AsyncAPI documents: one line of JSON for each file.
//   node asyncapi.mjs FILE...
import { Parser, fromFile } from "@asyncapi/parser";

const parser = new Parser();
for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await fromFile(parser, file).parse();
  const errors = diagnostics.filter(({ severity }) => severity === 0).map(({ message }) => message);
  const messages = document?.allMessages().all().map((message) => message.name()) ?? [];
  console.log(JSON.stringify({ file, valid: document !== undefined, errors, messages }));
}
