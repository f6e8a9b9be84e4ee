use super::*;

const METRICS: &str = "\
# TYPE lyceum_client_retries counter\n\
lyceum_client_retries_total{callee=\"writing-analysis\"} 12\n\
lyceum_client_hedges_total{callee=\"writing-analysis\"} 0\n\
lyceum_client_budget_spent{callee=\"writing-analysis\"} 100.0\n\
lyceum_client_budget_allowed{callee=\"writing-analysis\"} 100.0\n\
lyceum_client_breaker_state{callee=\"writing-analysis\",method=\"w.W/Analyze\"} 2\n\
lyceum_client_breaker_state{callee=\"writing-analysis\",method=\"w.W/Compare\"} 0\n\
lyceum_client_endpoint_weight{callee=\"writing-analysis\",instance=\"w-1\"} 40.0\n\
lyceum_client_endpoint_weight{callee=\"writing-analysis\",instance=\"w-2\"} 10.0\n\
lyceum_client_endpoint_weight{callee=\"writing-analysis\",instance=\"w-3\"} 0.0\n\
lyceum_client_endpoint_connected{callee=\"writing-analysis\",instance=\"w-1\"} 1.0\n\
lyceum_client_endpoint_ewma_seconds{callee=\"writing-analysis\",instance=\"w-1\"} 0.00125\n\
lyceum_client_endpoint_ewma_seconds{callee=\"writing-analysis\",instance=\"w-2\"} 0.0421\n\
lyceum_client_endpoint_in_flight{callee=\"writing-analysis\",instance=\"w-1\"} 3.0\n\
lyceum_client_endpoint_streams{callee=\"writing-analysis\",instance=\"w-1\"} 1.0\n\
lyceum_client_endpoint_failing{callee=\"writing-analysis\",instance=\"w-2\"} 0.673\n\
lyceum_client_endpoint_utilization{callee=\"writing-analysis\",instance=\"w-1\"} 0.12\n\
lyceum_client_endpoint_ejected{callee=\"writing-analysis\",instance=\"w-2\"} 1.0\n\
lyceum_client_endpoint_ejections{callee=\"writing-analysis\",instance=\"w-2\"} 3.0\n\
lyceum_client_endpoint_of_tomorrow{callee=\"writing-analysis\",instance=\"w-2\"} 3.0\n\
lyceum_rpc_server_calls_total{method=\"x\",code=\"OK\"} 7\n\
# EOF\n";

fn caller(id: &str, callees: Vec<Callee>, error: Option<&str>) -> Caller {
    Caller {
        service: "gateway".to_owned(),
        id: id.to_owned(),
        address: "127.0.0.1:8080".to_owned(),
        error: error.map(str::to_owned),
        callees,
    }
}

fn shown(callers: Vec<Caller>) -> String {
    let view = View {
        paint: Paint::new(&[("NO_COLOR".to_owned(), "1".to_owned())]),
        callee: Some("writing-analysis"),
    };
    view.text(&Picture { callers })
}

#[test]
fn a_callers_view_is_read_from_its_metrics_and_lines_up() {
    let callees = standing::read(METRICS).unwrap_or_default();
    let text = shown(vec![caller("gateway-1", callees, None)]);
    assert_eq!(
        text,
        "gateway-1 → writing-analysis\n \
         INSTANCE  STATE    WEIGHT    EWMA  IN FLIGHT  STREAMS  FAILING  LOAD  EJECTED\n \
         w-1       ready        10  1.2 ms          3        1      0 %  12 %        –\n \
         w-2       ejected     2.5   42 ms          0        0     67 %   0 %      3 ×\n \
         w-3       out           0       –          0        0      0 %   0 %        –\n \
         breaker  open: w.W/Analyze\n \
         budget   100 of 100 retries and hedges spent\n \
         counted  retries 12"
    );
}

#[test]
fn who_cannot_be_asked_is_said() {
    let text = shown(vec![caller("gateway-1", Vec::new(), Some("Connection refused"))]);
    assert!(text.contains("NOT REACHED"), "{text}");
    assert!(
        text.contains("gateway-1") && text.contains("Connection refused"),
        "{text}"
    );
}

#[test]
fn nothing_to_see_is_said_too() {
    assert_eq!(
        shown(vec![caller("gateway-1", Vec::new(), None)]),
        "No process has called writing-analysis yet."
    );
    assert!(shown(Vec::new()).contains("lyceum up"));
}

#[test]
fn programs_get_numbers_and_words() {
    let callees = standing::read(METRICS).unwrap_or_default();
    let picture = Picture {
        callers: vec![caller("gateway-1", callees, None)],
    };
    let told = serde_json::to_value(&picture).unwrap_or_default();
    let callee = &told["callers"][0]["callees"][0];
    assert_eq!(callee["service"], "writing-analysis");
    assert_eq!(callee["breakers"][0]["state"], "open");
    assert_eq!(callee["budget"], serde_json::json!({ "spent": 100, "allowed": 100 }));
    assert_eq!(
        callee["instances"][1],
        serde_json::json!({
            "id": "w-2", "connected": false, "weight": 2.5, "ewma_ms": 42.1, "in_flight": 0, "streams": 0,
            "failing": 0.673, "utilization": 0.0, "ejected": true, "ejections": 3
        })
    );
    assert!(told["callers"][0].get("error").is_none());
}
