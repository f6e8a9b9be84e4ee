//! Compiles `proto/` into Rust without `protoc`: messages, clients and servers (tonic), input rules (`buf.validate`),
//! a `Debug` that hides what the contract marks `debug_redact`, the table of methods, and the descriptor set that
//! reflection serves. A new contract is a new file below `proto/`; nothing here changes.

#![allow(
    clippy::disallowed_methods,
    reason = "cargo speaks to a build script through its environment"
)]

#[path = "build/access.rs"]
mod access;
#[path = "build/messages.rs"]
mod messages;
#[path = "build/methods.rs"]
mod methods;
#[path = "build/rules.rs"]
mod rules;
#[path = "build/subjects.rs"]
mod subjects;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let testing = env::var_os("CARGO_FEATURE_TESTING").is_some();
    let mut sources = Vec::new();
    contracts_below(Path::new("proto"), testing, &mut sources)?;
    let mut compiler = protox::Compiler::new(include_folders()?)?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(&sources)?;
    let pool = compiler.descriptor_pool();
    // The encoded form keeps the extension options that reflection clients want to see.
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;

    let mut own = compiler.file_descriptor_set();
    // What prost has types for (a Timestamp) makes no code, but prost asks what it is made of.
    own.file
        .retain(|file| messages::ours(file.package()) || file.package() == "google.protobuf");
    let mut config = prost_build::Config::new();
    config.include_file("modules.rs").bytes(["."]);
    tonic_prost_build::configure()
        .codec_path("crate::contracts::Codec")
        .skip_debug(messages::redacted(&pool))
        .compile_fds_with_config(own, config)?;

    let mut code = String::new();
    messages::debug_impls(&mut code, &pool)?;
    rules::validate_impls(&mut code, &pool)?;
    subjects::concerns_impls(&mut code, &pool)?;
    methods::table_and_clients(&mut code, &pool)?;
    fs::write(out.join("contracts.rs"), code)?;
    Ok(())
}

/// The contracts' files below `folder`, relative to `proto/`; those for tests only with the feature.
fn contracts_below(folder: &Path, testing: bool, found: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            if testing || path != Path::new("proto/lyceum/testing") {
                contracts_below(&path, testing, found)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path.strip_prefix("proto")?.to_path_buf());
        }
    }
    Ok(())
}

/// Ours, and the crates that carry what ours import.
fn include_folders() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut folders = vec![PathBuf::from("proto")];
    folders.extend(carried(&[
        ("prost-protovalidate-types", "proto"),
        ("envoy-types", "proto/googleapis"),
    ])?);
    Ok(folders)
}

/// Folders inside crates that are locked with this build, never copied here. Cargo downloads them where they are not
/// there yet.
fn carried(wanted: &[(&str, &str)]) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let output = Command::new(env::var("CARGO")?)
        .args(["metadata", "--format-version=1", "--manifest-path=Cargo.toml"])
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    wanted
        .iter()
        .map(|(carrier, folder)| {
            let manifest = metadata["packages"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|package| package["name"] == *carrier)
                .and_then(|package| package["manifest_path"].as_str())
                .ok_or_else(|| format!("the crate {carrier} is not among this build's packages"))?;
            Ok(Path::new(manifest).with_file_name(folder))
        })
        .collect()
}
