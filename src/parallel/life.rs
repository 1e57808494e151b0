//! A transaction's life around its execution: signatures, numbers and fees, each a stage that is timed for itself.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::accounts::Accounts;
use super::envelope::{Envelope, Refused, Signatures, check_signatures};
use super::ledgers::elapsed_ns;

/// Which stages there are, beside execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stages {
    /// How transactions are signed.
    pub signatures: Signatures,
    /// Whether each carries its sender's next number.
    pub nonces: bool,
    /// Whether senders pay for gas to one account that all share.
    pub fees: bool,
}

impl Stages {
    /// Whether transactions need envelopes.
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

/// What the stages of one block took, nanoseconds; 0 where a stage is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are the documentation")]
#[allow(clippy::struct_field_names, reason = "units come last in names")]
pub struct StageTimes {
    pub sig_ns: u64,
    pub nonce_ns: u64,
    pub fee_ns: u64,
    pub store_ns: u64,
}

/// Before execution: what a block must pass.
pub(super) fn admit(
    stages: Stages,
    accounts: &mut Accounts,
    block: &[Envelope],
    gas_limit: u64,
    times: &mut StageTimes,
) -> Result<(), Refused> {
    if stages.signatures != Signatures::None {
        times.sig_ns = timed(|| check_signatures(stages.signatures, block))?;
    }
    if stages.nonces {
        times.nonce_ns = timed(|| accounts.take_nonces(block))?;
    }
    if stages.fees {
        times.fee_ns = timed(|| accounts.take_deposits(block, gas_limit))?;
    }
    Ok(())
}

/// After execution: fees are settled.
pub(super) fn settle(
    stages: Stages,
    accounts: &mut Accounts,
    block: &[Envelope],
    gas_limit: u64,
    gas_used: &[u64],
    times: &mut StageTimes,
) {
    if stages.fees {
        let begin = Instant::now();
        accounts.settle(block, gas_limit, gas_used);
        times.fee_ns += elapsed_ns(begin);
    }
}

fn timed(stage: impl FnOnce() -> Result<(), Refused>) -> Result<u64, Refused> {
    let begin = Instant::now();
    stage()?;
    Ok(elapsed_ns(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(sender: &str, nonce: u64) -> Envelope {
        Envelope { sender: sender.into(), nonce, message: sender.into(), key: [0; 33], signature: [0; 64] }
    }

    fn signed(scheme: Signatures, seed: u8) -> Envelope {
        use k256::ecdsa::signature::Signer as _;
        let mut made = envelope("al", 0);
        made.message = vec![seed; 100];
        if scheme == Signatures::Secp256k1 {
            let key = k256::ecdsa::SigningKey::from_slice(&[seed + 1; 32]).expect("a key");
            made.key.copy_from_slice(key.verifying_key().to_encoded_point(true).as_bytes());
            let signature: k256::ecdsa::Signature = key.sign(&made.message);
            made.signature.copy_from_slice(&signature.to_bytes());
        } else {
            let key = ed25519_dalek::SigningKey::from_bytes(&[seed + 1; 32]);
            made.key[..32].copy_from_slice(key.verifying_key().as_bytes());
            made.signature = key.sign(&made.message).to_bytes();
        }
        made
    }

    #[test]
    fn every_scheme_finds_the_transaction_that_was_changed() {
        for scheme in [Signatures::Ed25519, Signatures::Ed25519Batch, Signatures::Secp256k1] {
            let block: Vec<Envelope> = (0..5).map(|seed| signed(scheme, seed)).collect();
            assert_eq!(check_signatures(scheme, &block), Ok(()), "{scheme}");
            for change in [
                |envelope: &mut Envelope| envelope.message[7] ^= 1,
                |envelope: &mut Envelope| envelope.signature[9] ^= 1,
                |envelope: &mut Envelope| envelope.signature[60] ^= 1,
                |envelope: &mut Envelope| envelope.key = [7; 33],
            ] {
                let mut changed = block.clone();
                change(&mut changed[3]);
                let refused = check_signatures(scheme, &changed).expect_err("refused");
                assert_eq!(refused.transaction, Some(3), "{scheme}");
                assert!(refused.to_string().contains("signature of al is not valid"), "{refused}");
            }
            let mut swapped = block.clone();
            swapped.swap(0, 1);
            let (first, second) = (swapped[0].signature, swapped[1].signature);
            (swapped[0].signature, swapped[1].signature) = (second, first);
            assert!(check_signatures(scheme, &swapped).is_err(), "{scheme}: signatures of one another");
        }
        assert_eq!(check_signatures(Signatures::None, &[envelope("al", 0)]), Ok(()));
    }

    #[test]
    fn a_wrong_number_refuses_the_whole_block_and_changes_nothing() {
        let mut accounts = Accounts::default();
        let right = [envelope("al", 0), envelope("bo", 0), envelope("al", 1)];
        assert_eq!(accounts.take_nonces(&right), Ok(()));
        let before = accounts.digest(&right);
        for wrong in [1, 3, u64::MAX] {
            let block = [envelope("bo", 1), envelope("al", wrong)];
            let refused = accounts.take_nonces(&block).expect_err("refused");
            assert_eq!(refused.transaction, Some(1));
            assert!(refused.reason.contains("of al; its next is 2"), "{refused}");
            assert_eq!(accounts.digest(&right), before);
        }
        assert_eq!(accounts.take_nonces(&[envelope("al", 2), envelope("bo", 1)]), Ok(()));
        assert_ne!(accounts.digest(&right), before);
    }

    #[test]
    fn fees_are_what_was_used_and_none_is_lost() {
        let mut accounts = Accounts::default();
        let block = [envelope("al", 0), envelope("bo", 0), envelope("al", 1)];
        accounts.take_deposits(&block, 1000).expect("rich");
        assert!(!accounts.is_conserved(), "deposits are under way");
        accounts.settle(&block, 1000, &[10, 1000, 0]);
        assert!(accounts.is_conserved());
        let after = accounts.digest(&block);
        accounts.take_deposits(&block, 1000).expect("rich");
        accounts.settle(&block, 1000, &[0, 0, 0]);
        assert_eq!(accounts.digest(&block), after, "nothing used, nothing paid");
        accounts.take_deposits(&block, 1000).expect("rich");
        accounts.settle(&block, 1000, &[1, 0, 0]);
        assert_ne!(accounts.digest(&block), after);
    }

    #[test]
    fn a_sender_who_cannot_pay_refuses_the_block() {
        let mut accounts = Accounts::default();
        // An account begins with 2^70: 64 transactions of 2^64 - 1 gas.
        let block: Vec<Envelope> = (0..66).map(|_| envelope("al", 0)).collect();
        let before = accounts.digest(&block);
        let refused = accounts.take_deposits(&block, u64::MAX).expect_err("refused");
        assert_eq!(refused.transaction, Some(64));
        assert!(refused.reason.contains("al cannot pay"), "{refused}");
        assert!(accounts.is_conserved(), "what the first ones left as deposits is given back");
        accounts.take_deposits(&block[..64], u64::MAX).expect("just enough");
        assert_ne!(accounts.digest(&block), before);
    }

    #[test]
    fn names_round_trip() {
        for name in ["none", "ed25519", "ed25519-batch", "secp256k1"] {
            assert_eq!(name.parse::<Signatures>().expect("a scheme").to_string(), name);
        }
        assert!("rsa".parse::<Signatures>().expect_err("refused").contains("ed25519-batch"));
    }
}
