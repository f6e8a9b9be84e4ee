#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::path::Path;

use super::*;

/// What `make fuzz` begins with holds without a fuzzer, and each target has some.
/// A function that a fuzzer calls.
type Target = fn(&[u8]);

#[test]
fn every_seed_is_survived() {
    let targets: [(&str, Target); 14] = [
        ("batch", batch),
        ("compression", compression),
        ("connect", connect),
        ("credentials", credentials),
        ("descriptors", descriptors),
        ("frames", frames),
        ("graphql", graphql),
        ("headers", headers),
        ("json", json),
        ("paths", paths),
        ("text", text),
        ("tokens", tokens),
        ("tools", tools),
        ("websocket", websocket),
    ];
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    for (name, target) in targets {
        let files: Vec<_> = std::fs::read_dir(seeds.join(name)).unwrap().collect();
        assert!(files.len() >= 2, "{name}");
        for file in files {
            target(&std::fs::read(file.unwrap().path()).unwrap());
        }
        target(b"");
    }
}
