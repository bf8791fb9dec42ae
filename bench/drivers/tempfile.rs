// SPDX-License-Identifier: BSL-1.0
// Rust tempfile as its documentation says, with a sync before `persist`, speaking with
// bench/driver.cpp. The directory is not synced.
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::time::Instant;

use serde::{Deserialize, Serialize};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[derive(Serialize, Deserialize)]
struct Attempt {
    started: i64,
    seconds: f64,
    failed: bool,
}

#[derive(Serialize, Deserialize)]
struct Record {
    id: u64,
    name: String,
    owner: String,
    attempts: i32,
    load: f64,
    active: bool,
    tags: Vec<String>,
    history: Vec<Attempt>,
}

#[derive(Serialize, Deserialize)]
struct State {
    next_id: u64,
    records: Vec<Record>,
}

fn make_state(records: u64) -> State {
    let record = |i: u64| Record {
        id: i.wrapping_mul(11400714819323198485),
        name: format!("build-{i}"),
        owner: format!("Jürgen \"the builder\" M{}", i % 1000),
        attempts: (i % 10) as i32,
        load: (i % 1000003) as f64 / 1000.003,
        active: i % 2 == 0,
        tags: vec!["nightly".to_string()],
        history: vec![Attempt {
            started: (i * 7919 % 2000000000) as i64,
            seconds: (i % 100000) as f64 / 1000.0,
            failed: i % 2 == 0,
        }],
    };
    State { next_id: records, records: (0..records).map(record).collect() }
}

fn save(name: &str, content: &[u8]) -> Outcome {
    let mut file = tempfile::NamedTempFile::new_in(".")?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(name)?;
    Ok(())
}

fn noise(size: usize) -> Vec<u8> {
    let mut random = 88172645463325252u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as u8
    };
    (0..size).map(|_| next()).collect()
}

#[derive(Default)]
struct Driver {
    contents: HashMap<usize, Vec<u8>>,
    states: HashMap<u64, State>,
}

impl Driver {
    fn content(&mut self, size: usize) -> &[u8] {
        self.contents.entry(size).or_insert_with(|| noise(size))
    }

    fn state(&mut self, records: u64) -> &mut State {
        self.states.entry(records).or_insert_with(|| make_state(records))
    }

    fn save_state(&mut self, records: u64) -> Outcome {
        let state = self.state(records);
        state.next_id += 1;
        save(&format!("state-{records}.json"), &serde_json::to_vec_pretty(state)?)
    }

    /// Does what a line asks for and says how many nanoseconds that took.
    fn answer(&mut self, words: &[&str]) -> Result<u128, Box<dyn std::error::Error>> {
        match words {
            ["save", name, size] => {
                let content = self.content(size.parse()?);
                let begin = Instant::now();
                save(name, content)?;
                Ok(begin.elapsed().as_nanos())
            }
            ["many", prefix, count, size] => {
                let count: u32 = count.parse()?;
                let content = self.content(size.parse()?);
                let begin = Instant::now();
                for i in 0..count {
                    save(&format!("{prefix}{i}"), content)?;
                }
                Ok(begin.elapsed().as_nanos())
            }
            ["state", records] => {
                let records = records.parse()?;
                self.state(records);
                let begin = Instant::now();
                self.save_state(records)?;
                Ok(begin.elapsed().as_nanos())
            }
            ["load", records] => {
                let records: u64 = records.parse()?;
                let path = format!("state-{records}.json");
                if !std::path::Path::new(&path).exists() {
                    self.save_state(records)?;
                }
                let begin = Instant::now();
                let loaded: State = serde_json::from_slice(&std::fs::read(&path)?)?;
                let took = begin.elapsed().as_nanos();
                if loaded.records.len() as u64 != records {
                    return Err("too few records".into());
                }
                Ok(took)
            }
            _ => Err("what?".into()),
        }
    }
}

fn main() -> Outcome {
    println!("tempfile ordered Rust: write_all, sync_all, persist; serde_json; no directory sync");
    let mut driver = Driver::default();
    for line in std::io::stdin().lock().lines() {
        match driver.answer(&line?.split_whitespace().collect::<Vec<_>>()) {
            Ok(took) => println!("{took}"),
            Err(error) => println!("no {error}"),
        }
    }
    Ok(())
}
