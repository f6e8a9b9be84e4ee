//! Metadata as Connect carries it: trailers of a unary answer become headers, those of a stream stand in its end.
//!
//! **Why.** Connect uses no HTTP trailers, which many proxies lose. Values of `-bin` metadata are base64 here as in gRPC.
//! **Source.** "Connect Protocol Reference" (Trailing-Metadata, EndStreamResponse).

use http::{HeaderMap, HeaderName};
use serde_json::{Map, Value};

/// The headers of an answer without what only gRPC's own clients read.
pub(crate) fn plain(mut headers: HeaderMap) -> HeaderMap {
    for name in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
        headers.remove(name);
    }
    headers
}

/// Adds trailers to the headers of a unary answer, each with `trailer-` before its name.
pub(crate) fn lead(headers: &mut HeaderMap, trailers: &HeaderMap) {
    for (name, value) in trailers {
        if let Ok(name) = HeaderName::try_from(format!("trailer-{name}")) {
            headers.append(name, value.clone());
        }
    }
}

/// The trailers of a stream as an object of lists.
pub(crate) fn trail(trailers: &HeaderMap) -> Map<String, Value> {
    let mut metadata = Map::new();
    for (name, value) in trailers {
        let values = metadata
            .entry(name.as_str())
            .or_insert_with(|| Value::Array(Vec::new()));
        if let (Value::Array(values), Ok(value)) = (values, value.to_str()) {
            values.push(value.into());
        }
    }
    metadata
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn trailers_find_a_place() {
        let mut trailers = HeaderMap::new();
        trailers.append("x-cost", HeaderValue::from_static("3"));
        trailers.append("x-cost", HeaderValue::from_static("4"));
        trailers.insert("x-raw-bin", HeaderValue::from_static("AQID"));
        let mut headers = HeaderMap::new();
        headers.insert("grpc-status", HeaderValue::from_static("0"));
        let mut headers = plain(headers);
        lead(&mut headers, &trailers);
        assert_eq!(headers.get_all("trailer-x-cost").iter().count(), 2);
        assert_eq!(headers["trailer-x-raw-bin"], "AQID");
        assert_eq!(headers.len(), 3);
        let trailing = Value::Object(trail(&trailers));
        assert_eq!(
            trailing,
            serde_json::json!({ "x-cost": ["3", "4"], "x-raw-bin": ["AQID"] })
        );
    }
}
