// SPDX-License-Identifier: BSL-1.0
// npm write-file-atomic as its users call it: write_file_atomic_peer.js COUNT
const { execFileSync } = require('child_process');
const path = require('path');
const writeFileAtomic = require('write-file-atomic');

const file = path.join(process.env.CRASHLAB_MOUNT, 'file');
for (let version = 1; version <= Number(process.argv[2]); ++version) {
  const text = execFileSync(process.env.PEER_CONTENT, ['content', String(version)]);
  try {
    writeFileAtomic.sync(file, text);
  } catch (error) {
    if (!process.env.PEER_GOES_ON) throw error;
    console.log(`version ${version}: ${error.message}`);
    continue;
  }
  execFileSync(process.env.PEER_CRASHLAB, ['ack', String(version)]);
}
