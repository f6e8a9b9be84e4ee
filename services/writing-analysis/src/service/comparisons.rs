//! Two drafts compared, as the contract has it.

use lyceum::contracts::writing_analysis::v1 as contract;

use super::observations::span;
use crate::domain::drafts::{Comparison, Kind};

pub(super) fn response(comparison: &Comparison) -> contract::CompareDraftsResponse {
    contract::CompareDraftsResponse {
        changes: comparison
            .changes
            .iter()
            .map(|change| contract::SentenceChange {
                kind: kind(change.kind).into(),
                earlier: change.earlier.map(span),
                later: change.later.map(span),
                similarity: change.similarity,
            })
            .collect(),
        growth: comparison
            .growth
            .iter()
            .map(|growth| contract::MeasureGrowth {
                name: growth.name.to_owned(),
                earlier: growth.earlier,
                later: growth.later,
                meaning: growth.meaning.to_owned(),
            })
            .collect(),
        revised_share: comparison.revised_share,
    }
}

fn kind(kind: Kind) -> contract::ChangeKind {
    match kind {
        Kind::Kept => contract::ChangeKind::Kept,
        Kind::Moved => contract::ChangeKind::Moved,
        Kind::Revised => contract::ChangeKind::Revised,
        Kind::Added => contract::ChangeKind::Added,
        Kind::Removed => contract::ChangeKind::Removed,
    }
}
