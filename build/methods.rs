//! The table of methods, for tests the rules of each one's request, and for each generated client the Consul service
//! that it calls.
//!
//! The name follows from the package: `lyceum.writing_analysis.v1` is served by the Consul service
//! `writing-analysis`, so a new contract needs no line of configuration.

use std::error::Error;
use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, MethodDescriptor};

use crate::access;
use crate::messages::{MODULE, ours, rust_path};

/// Writes `METHODS`, `violations` and an `impl Contract` for every generated client.
pub(crate) fn table_and_clients(code: &mut String, pool: &DescriptorPool) -> Result<(), Box<dyn Error>> {
    let access = access::Reader::new(pool)?;
    let mut rows = Vec::new();
    let (mut clients, mut checks) = (String::new(), String::new());
    for service in pool.services().filter(|service| ours(service.full_name())) {
        let full_name = service.full_name().to_owned();
        for method in service.methods() {
            let path = format!("/{full_name}/{}", method.name());
            rows.push(format!(
                "Method {{ path: \"{path}\", service: \"{full_name}\", idempotent: {}, client_streaming: {}, server_streaming: {}, access: {} }},",
                idempotent(&method),
                method.is_client_streaming(),
                method.is_server_streaming(),
                access.of(&method)?
            ));
            let request = rust_path(&method.input());
            writeln!(checks, "\"{path}\" => rules::broken::<{request}>(request),")?;
        }
        let package = service.package_name();
        let module = package.trim_start_matches("lyceum.").replace('.', "::");
        let consul_name = package
            .split('.')
            .nth(1)
            .ok_or("a contract's package is lyceum.<service>.<version>")?
            .replace('_', "-");
        let name = service.name();
        writeln!(
            clients,
            "impl crate::client::Contract for {MODULE}::{module}::{}_client::{name}Client<crate::client::Channel> {{\n const SERVICE: &'static str = \"{consul_name}\";\n fn over(channel: crate::client::Channel) -> Self {{ Self::new(channel).max_decoding_message_size({MODULE}::MESSAGE_LIMIT) }}\n}}",
            snake(name)
        )?;
    }
    rows.sort();
    writeln!(
        code,
        "/// Every method of every contract, sorted by path.\npub const METHODS: &[Method] = &[\n{}\n];",
        rows.join("\n")
    )?;
    writeln!(
        code,
        "/// The input rules that an encoded request breaks; nothing for no method's path, and for bytes that are no request.\n#[cfg(feature = \"testing\")]\npub fn violations(path: &str, request: &[u8]) -> Option<Vec<(String, String)>> {{\n match path {{\n{checks} _ => None,\n }}\n}}"
    )?;
    code.push_str(&clients);
    Ok(())
}

/// `NO_SIDE_EFFECTS` and `IDEMPOTENT` may both be sent twice.
fn idempotent(method: &MethodDescriptor) -> bool {
    method
        .options()
        .get_field_by_name("idempotency_level")
        .and_then(|value| value.as_enum_number())
        .is_some_and(|level| level != 0)
}

/// `WritingAnalysisService` → `writing_analysis_service`, as tonic names its modules.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
