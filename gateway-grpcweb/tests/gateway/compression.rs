//! Bodies compressed as a whole, in both directions: nothing is lost, nothing waits, no bomb goes off.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use lyceum::contracts::testing::v1::{GetProbeRequest, GetProbeResponse, WatchProbeRequest};
use prost::Message as _;

use crate::browser::{FORMS, Form, frame, parse};
use crate::stage::Stage;

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
const WATCH: &str = "lyceum.testing.v1.ProbeService/WatchProbe";

fn probe(payload: &[u8]) -> Vec<u8> {
    GetProbeRequest {
        payload: payload.to_vec().into(),
        ..Default::default()
    }
    .encode_to_vec()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

fn decompress(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match coding {
        "gzip" => plain = gunzip(bytes),
        "br" => drop(brotli::Decompressor::new(bytes, 4096).read_to_end(&mut plain).unwrap()),
        "zstd" => plain = zstd::decode_all(bytes).unwrap(),
        _ => panic!("{coding}"),
    }
    plain
}

fn compress(coding: &str, plain: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut bytes = Vec::new();
            let mut encoder = brotli::CompressorWriter::new(&mut bytes, 4096, 5, 22);
            encoder.write_all(plain).unwrap();
            drop(encoder);
            bytes
        }
        "zstd" => zstd::encode_all(plain, 19).unwrap(),
        _ => panic!("{coding}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_compressed_with_its_trailers() {
    let stage = Stage::start().await;
    let essay = b"The sea is calm tonight, the tide is full. ".repeat(500);
    for browser in [stage.browser(), stage.browser().over_http2()] {
        for form in FORMS {
            for coding in ["gzip", "br", "zstd"] {
                let request = browser
                    .call(GET, form)
                    .header("origin", "https://school.example")
                    .header("accept-encoding", format!("deflate, {coding}"))
                    .body(form.encode(&frame(&probe(&essay))))
                    .unwrap();
                let answer = browser.begin(request).await;
                let (parts, body) = answer.response.into_parts();
                assert_eq!(parts.headers["content-encoding"], coding);
                let vary: Vec<_> = parts.headers.get_all("vary").iter().collect();
                assert_eq!(vary, ["origin", "accept-encoding"]);
                let body = body.collect().await.unwrap().to_bytes();
                assert!(body.len() < essay.len() / 5, "{} bytes in {coding}", body.len());
                let (messages, trailers) = parse(&form.decode(&decompress(coding, &body)));
                let reply = GetProbeResponse::decode(messages[0].clone()).unwrap();
                assert_eq!(reply.payload, essay);
                assert_eq!(trailers.unwrap()["grpc-status"], "0");
            }
        }
    }
    // What is small, what nobody asked for, and what failed stays as it is.
    for (size, accept) in [(10, "gzip"), (20_000, "identity"), (20_000, "gzip;q=0")] {
        let request = stage
            .browser()
            .call(GET, Form::Binary)
            .header("accept-encoding", accept)
            .body(frame(&probe(&vec![b'a'; size])))
            .unwrap();
        let answer = stage.browser().send(request).await;
        assert!(!answer.headers.contains_key("content-encoding"), "{size} {accept}");
        assert_eq!(answer.message::<GetProbeResponse>().payload.len(), size);
    }
    let request = http::Request::builder()
        .uri("/gateway/metrics")
        .header("accept-encoding", "br;q=0.5, gzip")
        .body(Bytes::new())
        .unwrap();
    let answer = stage.browser().begin(request).await;
    assert_eq!(answer.response.headers()["content-encoding"], "gzip");
    let body = answer.response.into_body().collect().await.unwrap().to_bytes();
    assert!(
        String::from_utf8(gunzip(&body))
            .unwrap()
            .contains("lyceum_gateway_calls_total")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_stream_arrives_message_by_message() {
    let stage = Stage::start().await;
    let endless = WatchProbeRequest {
        interval_milliseconds: 5,
        payload_bytes: 300,
        ..Default::default()
    }
    .encode_to_vec();
    let request = stage
        .browser()
        .call(WATCH, Form::Binary)
        .header("accept-encoding", "gzip")
        .body(frame(&endless))
        .unwrap();
    let answer = stage.browser().begin(request).await;
    assert_eq!(answer.response.headers()["content-encoding"], "gzip");
    let mut body = answer.response.into_body();
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    // The stream never ends, so whatever waited for its end would never come.
    for expected in 1..=5 {
        while parse(decoder.get_ref()).0.len() < expected {
            let bytes = body.frame().await.unwrap().unwrap().into_data().unwrap();
            decoder.write_all(&bytes).unwrap();
            decoder.flush().unwrap();
        }
    }
    drop(answer.connection);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_request_is_decompressed_within_the_limit() {
    let stage = Stage::start_with(|configuration| configuration.policy.edge.body_limit = 256 * 1024).await;
    let essay = b"The sea is calm tonight, the tide is full. ".repeat(500);
    let bomb = vec![0; 64 * 1024 * 1024];
    let call = async |coding: &str, body: Vec<u8>| {
        let request = stage
            .browser()
            .call(GET, Form::Binary)
            .header("content-encoding", coding)
            .body(body.into())
            .unwrap();
        stage.browser().send(request).await
    };
    for coding in ["gzip", "br", "zstd"] {
        let answer = call(coding, compress(coding, &frame(&probe(&essay)))).await;
        assert_eq!(answer.status(), Some(0), "{coding}");
        assert_eq!(answer.message::<GetProbeResponse>().payload, essay);

        let answer = call(coding, compress(coding, &bomb)).await;
        assert_eq!((answer.http, answer.status()), (200, Some(8)), "{coding}");
        assert_eq!(answer.reason(), "BODY_TOO_LARGE");

        let answer = call(coding, frame(&probe(&essay)).to_vec()).await;
        assert_eq!(
            (answer.status(), answer.reason().as_str()),
            (Some(3), "BODY_NOT_ENCODED")
        );
    }
    let answer = call("deflate", b"x".to_vec()).await;
    assert_eq!(
        (answer.status(), answer.reason().as_str()),
        (Some(12), "ENCODING_UNKNOWN")
    );
}
