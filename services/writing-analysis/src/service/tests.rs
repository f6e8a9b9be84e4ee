#![allow(clippy::unwrap_used, reason = "a test may panic")]

use tonic::Code;
use tonic_types::StatusExt as _;

use super::*;

const ESSAY: &str = "Schools should start later in the morning. One reason is that students sleep too little. A survey of \
                     2,000 students found that most slept under seven hours. Some people say buses would cost more. However, \
                     this ignores the price of accidents that are caused by tired drivers.\n\nIn conclusion, a later start is \
                     the safer choice.";

async fn analyze(text: &str) -> Result<contract::AnalyzeWritingResponse, Status> {
    let request = contract::AnalyzeWritingRequest {
        text: text.to_owned(),
        max_findings: 0,
    };
    WritingAnalysis::new()
        .analyze_writing(Request::new(request))
        .await
        .map(Response::into_inner)
}

async fn draft(request: contract::AnalyzeDraftRequest) -> Vec<contract::AnalyzeDraftResponse> {
    let stream = WritingAnalysis::new()
        .analyze_draft(Request::new(request))
        .await
        .unwrap()
        .into_inner();
    stream.map(Result::unwrap).collect().await
}

#[tokio::test]
async fn an_essay_comes_back_measured() {
    let reply = analyze(ESSAY).await.unwrap();
    let measures = reply.measures.unwrap();
    assert_eq!(measures.readability.len(), 7);
    assert_eq!(measures.statistics.unwrap().sentences, 6);
    let elements: Vec<i32> = reply.structure.iter().map(|part| part.element).collect();
    use contract::DiscourseElement as Element;
    for element in [
        Element::Position,
        Element::Claim,
        Element::Evidence,
        Element::Counterclaim,
        Element::Rebuttal,
        Element::Conclusion,
    ] {
        assert!(elements.contains(&element.into()), "{element:?} in {elements:?}");
    }
    let passive = reply
        .findings
        .iter()
        .find(|finding| finding.kind == i32::from(contract::FindingKind::PassiveVoice))
        .unwrap();
    let span = passive.span.unwrap();
    let shown: String = ESSAY
        .chars()
        .skip(span.start as usize)
        .take((span.end - span.start) as usize)
        .collect();
    assert_eq!(shown, "are caused");
    assert!(passive.question.ends_with('?') && passive.confidence > 0.5 && !passive.source.is_empty());
}

#[tokio::test]
async fn the_same_text_gives_the_same_answer() {
    assert_eq!(analyze(ESSAY).await.unwrap(), analyze(ESSAY).await.unwrap());
}

#[tokio::test]
async fn findings_are_cut_and_counted() {
    let text = "The cake was eaten. ".repeat(30);
    let request = contract::AnalyzeWritingRequest { text, max_findings: 5 };
    let reply = WritingAnalysis::new()
        .analyze_writing(Request::new(request))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(reply.findings.len(), 5);
    assert!(reply.findings_total >= 30);
    assert!(
        reply
            .findings
            .windows(2)
            .all(|pair| pair[0].span.unwrap().start <= pair[1].span.unwrap().start)
    );
}

#[tokio::test]
async fn what_cannot_be_analysed_is_refused() {
    let spanish = "El ciclo del agua es impulsado por el sol y nunca deja de moverse entre el mar y el cielo azul.";
    let many = "word and more ".repeat(33_334);
    let cases = [
        ("!!! … 🎉 ---", Code::InvalidArgument, "NO_WORDS"),
        (many.as_str(), Code::InvalidArgument, "TOO_MANY_WORDS"),
        (spanish, Code::FailedPrecondition, "LANGUAGE_UNSUPPORTED"),
    ];
    for (text, code, reason) in cases {
        let status = analyze(text).await.unwrap_err();
        let info = status.get_details_error_info().unwrap();
        assert_eq!((status.code(), info.reason.as_str()), (code, reason));
        if code == Code::FailedPrecondition {
            assert_eq!(info.metadata["detected"], "spa");
        } else {
            assert_eq!(
                status.get_details_bad_request().unwrap().field_violations[0].field,
                "text"
            );
        }
    }
}

#[tokio::test]
async fn a_draft_is_answered_by_paragraph_and_only_where_it_changed() {
    let text = "The cake was eaten.\n\nI like dogs because they are loyal.".to_owned();
    let first = draft(contract::AnalyzeDraftRequest {
        text: text.clone(),
        revision: 1,
        cursor: 25,
        known_paragraphs: vec![],
    })
    .await;
    assert_eq!(first.len(), 3);
    assert!(first.iter().all(|reply| reply.revision == 1));
    let Some(Feedback::Paragraph(nearest)) = &first[0].feedback else {
        panic!("a paragraph first")
    };
    assert_eq!(nearest.span.unwrap().start, 21);
    let Some(Feedback::Measures(whole)) = &first[2].feedback else {
        panic!("measures last")
    };
    assert_eq!(whole.paragraphs.len(), 2);
    let known = whole.paragraphs.iter().map(|place| place.fingerprint).collect();
    let second = draft(contract::AnalyzeDraftRequest {
        text: text.replace("cake", "pie"),
        revision: 2,
        cursor: 3,
        known_paragraphs: known,
    })
    .await;
    assert_eq!(second.len(), 2);
}

#[tokio::test]
async fn a_long_draft_is_answered_from_a_thread_of_its_own() {
    let text = "The cake was eaten by a large and hungry dog.\n".repeat(600);
    assert!(text.len() > SHORT_TEXT);
    let replies = draft(contract::AnalyzeDraftRequest {
        text,
        revision: 7,
        cursor: 0,
        known_paragraphs: vec![],
    })
    .await;
    assert_eq!(replies.len(), 601);
}

#[test]
fn work_stops_when_nobody_listens() {
    let pieces = || Pieces::of("One two three.\n".repeat(500), 0, &[]);
    let (replies, mut stream) = mpsc::channel(WAITING);
    let worker = std::thread::spawn(move || send(pieces(), 1, &replies));
    assert!(stream.blocking_recv().is_some());
    drop(stream);
    // One was taken, at most `WAITING` waited, one was on its way.
    let worked_out = worker.join().unwrap();
    assert!((1..=WAITING + 3).contains(&worked_out), "{worked_out}");
    let (replies, stream) = mpsc::channel(WAITING);
    drop(stream);
    assert_eq!(send(pieces(), 1, &replies), 0);
}

#[tokio::test]
async fn a_reflection_is_judged() {
    let text = "Before this project I thought that leading meant deciding. I felt frustrated when nobody followed me. Looking \
                back, I realise that my friends needed to be heard. Next time I will ask them first, because I have learnt \
                that my view was only one of many.";
    let request = contract::EvaluateReflectionRequest { text: text.to_owned() };
    let reply = WritingAnalysis::new()
        .evaluate_reflection(Request::new(request))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(reply.indicators.len(), 6);
    assert!(
        reply.level >= contract::ReflectionLevel::Reflection.into(),
        "{}",
        reply.level
    );
    assert!(reply.indicators.iter().any(|indicator| !indicator.evidence.is_empty()) && !reply.rationale.is_empty());
}

#[tokio::test]
async fn drafts_are_compared() {
    let request = contract::CompareDraftsRequest {
        earlier: "Dogs are loyal. Cats sleep all day long.".to_owned(),
        later: "Dogs are loyal. Birds sing in the morning.".to_owned(),
    };
    let reply = WritingAnalysis::new()
        .compare_drafts(Request::new(request))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(reply.changes.len(), 3);
    assert_eq!(reply.changes[0].kind, i32::from(contract::ChangeKind::Kept));
    assert!(!reply.growth.is_empty() && reply.revised_share > 0.0);
    let empty = contract::CompareDraftsRequest {
        earlier: "Dogs are loyal.".to_owned(),
        later: "!!!".to_owned(),
    };
    let status = WritingAnalysis::new()
        .compare_drafts(Request::new(empty))
        .await
        .unwrap_err();
    assert_eq!(
        status.get_details_bad_request().unwrap().field_violations[0].field,
        "later"
    );
}
