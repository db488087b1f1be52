'use strict';
// node protobuf.js
// Each line on stdin is a set of definitions with messages and the bytes another implementation wrote for them:
// {"definitions": {...}, "version": "...", "cases": [{"route", "message", "hex", "read"}]}. npm's pomelo-protobuf, unchanged, must
// write the same bytes, read what the other has read ("read", as JSON) from them, and give the definitions the same version.
// Answers each line with a list of what differs.
const crypto = require('crypto');
const readline = require('readline');
const protobuf = require('pomelo-protobuf');

// It tells on stdout what it does not like.
console.log = console.error;

function differences({ definitions, version, cases }) {
  const protos = protobuf.parse(definitions);
  protobuf.init({ encoderProtos: protos, decoderProtos: protos });
  const different = [];
  const text = JSON.stringify(protos);
  const md5 = crypto.createHash('md5').update(text + text).digest('base64');
  if (md5 !== version) different.push({ version, here: md5 });
  for (const { route, message, hex, read } of cases) {
    try {
      const body = protobuf.encode(route, message);
      // A message with no fields is none to it.
      const written = body ? body.toString('hex') : '';
      if (written !== hex) different.push({ route, message, hex, written });
      const decoded = JSON.stringify(protobuf.decode(route, Buffer.from(hex, 'hex')));
      if (decoded !== JSON.stringify(JSON.parse(read))) different.push({ route, hex, read, decoded });
    } catch (error) {
      different.push({ route, message, error: error.stack });
    }
  }
  return different;
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  process.stdout.write(`${JSON.stringify(differences(JSON.parse(line)))}\n`);
});
