#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lyceum_gateway_grpcweb::fuzzing::tools(data));
