// SPDX-License-Identifier: BSL-1.0
// npm write-file-atomic as its documentation says, speaking with bench/driver.cpp. It syncs the
// file before the rename and never the directory.
'use strict'
const crypto = require('crypto')
const fs = require('fs')
const readline = require('readline')
const { sync: save } = require('write-file-atomic')

const contents = new Map()
const states = new Map()

function kept (map, key, make) {
  if (!map.has(key)) map.set(key, make(key))
  return map.get(key)
}

const content = size => kept(contents, Number(size), crypto.randomBytes)

const state = records => kept(states, Number(records), count => ({
  next_id: count,
  records: Array.from({ length: count }, (_, i) => ({
    id: i * 7919,
    name: `build-${i}`,
    owner: `Jürgen "the builder" M${i % 1000}`,
    attempts: i % 10,
    load: i % 1000003 / 1000.003,
    active: i % 2 === 0,
    tags: ['nightly'],
    history: [{ started: i * 7919 % 2000000000, seconds: i % 100000 / 1000, failed: i % 2 === 0 }]
  }))
}))

function saveState (made) {
  ++made.next_id
  save(`state-${made.records.length}.json`, JSON.stringify(made, null, 2))
}

// What a line asks for, with all that it needs beforehand.
function taskOf ([command, ...rest]) {
  switch (command) {
    case 'save': {
      const bytes = content(rest[1])
      return () => save(rest[0], bytes)
    }
    case 'many': {
      const bytes = content(rest[2])
      return () => { for (let i = 0; i < Number(rest[1]); ++i) save(rest[0] + i, bytes) }
    }
    case 'state': {
      const made = state(rest[0])
      return () => saveState(made)
    }
    case 'load': {
      const name = `state-${rest[0]}.json`
      if (!fs.existsSync(name)) saveState(state(rest[0]))
      return () => {
        if (JSON.parse(fs.readFileSync(name)).records.length !== Number(rest[0])) {
          throw new Error('too few records')
        }
      }
    }
  }
  throw new Error('what?')
}

function say (line) {
  fs.writeSync(1, line + '\n')
}

say('write-file-atomic ordered npm: writeFileAtomic.sync, JSON.stringify; no directory sync')
readline.createInterface({ input: process.stdin }).on('line', line => {
  try {
    const task = taskOf(line.split(' '))
    const begin = process.hrtime.bigint()
    task()
    say(String(process.hrtime.bigint() - begin))
  } catch (error) {
    say('no ' + error)
  }
})
