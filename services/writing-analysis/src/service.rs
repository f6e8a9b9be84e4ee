//! The adapter from the contract to the rules.
//!
//! What: refuses what the contract refuses ([`refusals`]), runs the rules, maps what they say ([`measures`],
//! [`observations`], [`reflections`], [`comparisons`]). Texts above [`SHORT_TEXT`] go to a thread of their own, so that a
//! long one never holds up the short ones. When not: sizes are checked by the contract's own layer before a handler
//! runs. Nothing here logs, keeps or names a text.

mod comparisons;
mod measures;
mod observations;
mod reflections;
mod refusals;

use std::pin::Pin;

use lyceum::contracts::writing_analysis::v1::{
    self as contract, analyze_draft_response::Feedback, writing_analysis_service_server::WritingAnalysisService,
};
use lyceum::serving::{SHORT_TEXT, compute};
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

use crate::domain::{
    drafts, findings, observing,
    reading::Reading,
    reflection, structure,
    typing::{Piece, Pieces},
};

/// The limit of findings where the request names none.
const FINDINGS: usize = 200;
/// Pieces of feedback that wait for a slow reader.
const WAITING: usize = 4;

/// The service. It keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct WritingAnalysis;

impl WritingAnalysis {
    /// A service whose tables are built, so that the first caller does not wait for them.
    #[must_use]
    pub fn new() -> Self {
        let reading = Reading::new("It was a first sentence.");
        let _ = observing::of_text(&reading, &[]);
        Self
    }
}

#[tonic::async_trait]
impl WritingAnalysisService for WritingAnalysis {
    async fn analyze_writing(
        &self,
        request: Request<contract::AnalyzeWritingRequest>,
    ) -> Result<Response<contract::AnalyzeWritingResponse>, Status> {
        let request = request.into_inner();
        let size = request.text.len();
        compute(size, move || analyze(&request)).await.map(Response::new)
    }

    async fn evaluate_reflection(
        &self,
        request: Request<contract::EvaluateReflectionRequest>,
    ) -> Result<Response<contract::EvaluateReflectionResponse>, Status> {
        let text = request.into_inner().text;
        compute(text.len(), move || {
            let prose = refusals::accept("text", &text)?;
            Ok(reflections::response(&reflection::evaluate(&prose)))
        })
        .await
        .map(Response::new)
    }

    async fn compare_drafts(
        &self,
        request: Request<contract::CompareDraftsRequest>,
    ) -> Result<Response<contract::CompareDraftsResponse>, Status> {
        let request = request.into_inner();
        compute(request.earlier.len() + request.later.len(), move || {
            let earlier = refusals::accept("earlier", &request.earlier)?;
            let later = refusals::accept("later", &request.later)?;
            Ok(comparisons::response(&drafts::compare(&earlier, &later)))
        })
        .await
        .map(Response::new)
    }

    type AnalyzeDraftStream = Pin<Box<dyn Stream<Item = Result<contract::AnalyzeDraftResponse, Status>> + Send>>;

    async fn analyze_draft(
        &self,
        request: Request<contract::AnalyzeDraftRequest>,
    ) -> Result<Response<Self::AnalyzeDraftStream>, Status> {
        let request = request.into_inner();
        let revision = request.revision;
        let size = request.text.len();
        let pieces = compute(size, move || plan(request)).await?;
        if size <= SHORT_TEXT {
            // Worked out as the stream is polled: a caller who leaves drops it, and the rest is never begun.
            let stream = tokio_stream::iter(pieces).map(move |piece| Ok(reply(revision, &piece)));
            return Ok(Response::new(Box::pin(stream)));
        }
        let (replies, stream) = mpsc::channel(WAITING);
        tokio::task::spawn_blocking(move || send(pieces, revision, &replies));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

fn analyze(request: &contract::AnalyzeWritingRequest) -> Result<contract::AnalyzeWritingResponse, Status> {
    let reading = Reading::of(refusals::accept("text", &request.text)?);
    let parts = structure::parts(&reading);
    let found = observing::of_text(&reading, &parts);
    let total = found.len();
    let limit = match request.max_findings {
        0 => FINDINGS,
        limit => limit as usize,
    };
    Ok(contract::AnalyzeWritingResponse {
        measures: Some(measures::message(&crate::domain::measures::Measures::of(&reading))),
        findings: findings::cut(found, limit).iter().map(observations::finding).collect(),
        structure: parts.iter().map(observations::part).collect(),
        findings_total: u32::try_from(total).unwrap_or(u32::MAX),
    })
}

fn plan(request: contract::AnalyzeDraftRequest) -> Result<Pieces, Status> {
    refusals::accept("text", &request.text)?;
    Ok(Pieces::of(request.text, request.cursor, &request.known_paragraphs))
}

/// Sends pieces until they end or nobody listens; how many were worked out.
fn send(
    mut pieces: Pieces,
    revision: u64,
    replies: &mpsc::Sender<Result<contract::AnalyzeDraftResponse, Status>>,
) -> usize {
    let mut worked_out = 0;
    while !replies.is_closed() {
        let Some(piece) = pieces.next() else { break };
        worked_out += 1;
        if replies.blocking_send(Ok(reply(revision, &piece))).is_err() {
            break;
        }
    }
    worked_out
}

fn reply(revision: u64, piece: &Piece) -> contract::AnalyzeDraftResponse {
    let feedback = match piece {
        Piece::Paragraph(place, found) => Feedback::Paragraph(contract::ParagraphFeedback {
            fingerprint: place.fingerprint,
            span: Some(observations::span(place.span)),
            findings: found.iter().map(observations::finding).collect(),
        }),
        Piece::Whole(whole) => Feedback::Measures(contract::DraftMeasures {
            measures: Some(measures::message(&whole.measures)),
            paragraphs: whole
                .paragraphs
                .iter()
                .map(|place| contract::ParagraphPlace {
                    fingerprint: place.fingerprint,
                    span: Some(observations::span(place.span)),
                })
                .collect(),
            findings: findings::cut(whole.findings.clone(), FINDINGS)
                .iter()
                .map(observations::finding)
                .collect(),
            structure: whole.structure.iter().map(observations::part).collect(),
        }),
    };
    contract::AnalyzeDraftResponse {
        revision,
        feedback: Some(feedback),
    }
}

#[cfg(test)]
mod tests;
