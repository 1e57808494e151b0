//! Numbers and fees of accounts, as a chain keeps them beside contract state.
//!
//! The rules are those of Ethereum: a block with a wrong nonce, or whose sender cannot pay for all the gas it may use,
//! is refused as a whole; a transaction that reverts or runs out of gas keeps its nonce and pays for what it used.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::envelope::{Envelope, Refused};
use crate::engine::Digest;

/// What an account has when it is first seen, in units of a fee: enough for any run.
const BEGINNING: u128 = 1 << 70;

/// Units of a fee that one gas costs.
const GAS_PRICE: u128 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Account {
    nonce: u64,
    balance: u128,
}

/// The accounts of one ledger. Memory: about 64 bytes for each account that has sent something, and its name.
#[derive(Debug, Default)]
pub struct Accounts {
    table: HashMap<Arc<str>, Account, FixedState>,
    /// What the common account has taken in.
    collected: u128,
}

impl Accounts {
    fn account(&mut self, sender: &Arc<str>) -> &mut Account {
        let new = Account { nonce: 0, balance: BEGINNING };
        self.table.entry(sender.clone()).or_insert(new)
    }

    /// Checks that each transaction has its sender's next number, and moves the numbers on. A block that is refused
    /// changes nothing.
    pub fn take_nonces(&mut self, block: &[Envelope]) -> Result<(), Refused> {
        for (at, envelope) in block.iter().enumerate() {
            let account = self.account(&envelope.sender);
            if account.nonce != envelope.nonce {
                let reason = format!("nonce {} of {}; its next is {}", envelope.nonce, envelope.sender, account.nonce);
                for undone in &block[..at] {
                    self.account(&undone.sender).nonce -= 1;
                }
                return Err(Refused { transaction: Some(at), reason });
            }
            account.nonce += 1;
        }
        Ok(())
    }

    /// Takes the price of all the gas that each transaction may use. A block that is refused changes nothing.
    pub fn take_deposits(&mut self, block: &[Envelope], gas_limit: u64) -> Result<(), Refused> {
        let deposit = u128::from(gas_limit) * GAS_PRICE;
        for (at, envelope) in block.iter().enumerate() {
            let account = self.account(&envelope.sender);
            let Some(left) = account.balance.checked_sub(deposit) else {
                let reason = format!("{} cannot pay for {gas_limit} gas", envelope.sender);
                for undone in &block[..at] {
                    self.account(&undone.sender).balance += deposit;
                }
                return Err(Refused { transaction: Some(at), reason });
            };
            account.balance = left;
        }
        Ok(())
    }

    /// Gives back what was not used, and the rest to the common account.
    ///
    /// # Panics
    /// If there is not one figure of gas for each transaction.
    pub fn settle(&mut self, block: &[Envelope], gas_limit: u64, gas_used: &[u64]) {
        assert_eq!(block.len(), gas_used.len(), "a transaction without its gas");
        for (envelope, &used) in block.iter().zip(gas_used) {
            let back = u128::from(gas_limit.saturating_sub(used)) * GAS_PRICE;
            self.account(&envelope.sender).balance += back;
            self.collected += u128::from(gas_limit.min(used)) * GAS_PRICE;
        }
    }

    /// Digest of every account that a block touched, in the block's order, and of the common account.
    pub fn digest(&self, block: &[Envelope]) -> Digest {
        let mut hasher = blake3::Hasher::new();
        for envelope in block {
            hasher.update(&(envelope.sender.len() as u64).to_le_bytes()).update(envelope.sender.as_bytes());
            if let Some(account) = self.table.get(&envelope.sender) {
                hasher.update(&account.nonce.to_le_bytes()).update(&account.balance.to_le_bytes());
            }
        }
        hasher.update(&self.collected.to_le_bytes());
        *hasher.finalize().as_bytes()
    }

    /// Whether what left the senders is what the common account has: an invariant of fees.
    pub fn is_conserved(&self) -> bool {
        let left: u128 = self.table.values().map(|account| BEGINNING - account.balance).sum();
        left == self.collected
    }
}
