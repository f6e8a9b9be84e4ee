//! Every proof beside another implementation, which keeps its whole tree in memory.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;

use super::*;

type Tree = MemoryBackedTree<Sha256, Vec<u8>>;

fn joined(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.as_bytes().to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn another_implementation_makes_the_same_trees_and_proofs(leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..200), index in any::<prop::sample::Index>()) {
        let log = Log::of(&leaves);
        let mut tree = Tree::new();
        leaves.iter().for_each(|leaf| tree.push(leaf.clone()));
        let size = leaves.len() as u64;
        prop_assert_eq!(tree.root().as_bytes().to_vec(), log.frontier.root().as_bytes().to_vec());
        let index = index.index(leaves.len());
        let theirs = tree.prove_inclusion(index);
        let ours = log.inclusion(index as u64, size);
        prop_assert_eq!(theirs.as_bytes(), joined(&ours.hashes));
        // Of a tree that is not the newest any more.
        let old = index as u64 + 1;
        let theirs = tree.prove_consistency((size - old) as usize);
        let ours = log.consistency(old, size);
        prop_assert_eq!(theirs.as_bytes(), joined(&ours.hashes));
        prop_assert_eq!(ours.verify(log.root(old), log.frontier.root()), Ok(()));
    }
}
