// SPDX-License-Identifier: BSL-1.0
// Rust tempfile as its users call it: tempfile_peer COUNT
use std::io::Write;
use std::path::Path;
use std::process::Command;

fn save(directory: &Path, text: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(directory.join("file"))?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: u32 = std::env::args().nth(1).ok_or("COUNT")?.parse()?;
    let mount = std::env::var("CRASHLAB_MOUNT")?;
    let directory = Path::new(&mount);
    for version in 1..=count {
        let text = Command::new(std::env::var("PEER_CONTENT")?)
            .args(["content", &version.to_string()])
            .output()?
            .stdout;
        if let Err(error) = save(directory, &text) {
            if std::env::var("PEER_GOES_ON").is_err() {
                return Err(error);
            }
            println!("version {version}: {error}");
            continue;
        }
        let acked = Command::new(std::env::var("PEER_CRASHLAB")?)
            .args(["ack", &version.to_string()])
            .status()?;
        if !acked.success() {
            return Err("ack".into());
        }
    }
    Ok(())
}
