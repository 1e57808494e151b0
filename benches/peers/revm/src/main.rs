//! revm: an ERC-20 contract in EVM bytecode, each transfer a transaction of its own that is committed. It keeps gas,
//! nonces, rollback and 256-bit balances behind Keccak-256, which is more work than the others do.

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Instant;

use peer_runner::{Failure, Pass, run, start};
use revm::bytecode::Bytecode;
use revm::context::TxEnv;
use revm::database::{CacheDB, EmptyDB};
use revm::primitives::{Address, Bytes, TxKind, U256, keccak256};
use revm::state::AccountInfo;
use revm::{Context, DatabaseRef, ExecuteCommitEvm, MainBuilder, MainContext};

/// `transfer(address,uint256)` over a mapping at slot 0, with the balance check and the Transfer event. `:X` marks a
/// place, `@X` pushes it.
const ERC20: &str = "5f35 60e0 1c 63a9059cbb 14 @T 57 5f5ffd
    :T 335f52 60405f20 8054 602435 808210 @R 57 809103 909155
    6004355f52 60405f20 8054 8201 9055 5f52 600435 33
    7fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef 60205fa3 60015f52 60205ff3
    :R 5f5ffd";

fn assemble(text: &str) -> Bytes {
    const JUMPDEST: u8 = 0x5b;
    const PUSH1: u8 = 0x60;
    let (mut code, mut places, mut uses) = (Vec::new(), HashMap::new(), Vec::new());
    for word in text.split_whitespace() {
        if let Some(name) = word.strip_prefix(':') {
            places.insert(name, code.len() as u8);
            code.push(JUMPDEST);
        } else if let Some(name) = word.strip_prefix('@') {
            uses.push((code.len() + 1, name));
            code.extend([PUSH1, 0]);
        } else {
            let digit = |at: usize| u8::from_str_radix(&word[at..at + 2], 16).expect("hexadecimal in the constant");
            code.extend((0..word.len()).step_by(2).map(digit));
        }
    }
    for (at, name) in uses {
        code[at] = places[name];
    }
    code.into()
}

/// Where Solidity keeps `balances[account]` for a mapping at slot 0.
fn slot(account: Address) -> U256 {
    let mut key = [0; 64];
    key[12..32].copy_from_slice(account.as_slice());
    U256::from_be_bytes(keccak256(key).0)
}

fn call_data(to: Address, amount: u64) -> Bytes {
    let mut data = vec![0xa9, 0x05, 0x9c, 0xbb];
    data.extend([0; 12]);
    data.extend(to.as_slice());
    data.extend(U256::from(amount).to_be_bytes::<32>());
    data.into()
}

fn main() -> ExitCode {
    run("revm", |count| {
        let code = Bytecode::new_legacy(assemble(ERC20));
        Ok(move || pass(&code, count))
    })
}

fn pass(code: &Bytecode, count: i64) -> Result<Pass, Failure> {
    let [token, alice, bob] = [0x77, 0xa1, 0xb0].map(Address::repeat_byte);
    let mut state = CacheDB::new(EmptyDB::default());
    let contract = AccountInfo { code_hash: code.hash_slow(), code: Some(code.clone()), ..AccountInfo::default() };
    state.insert_account_info(token, contract);
    state.insert_account_info(alice, AccountInfo::default());
    state.insert_account_storage(token, slot(alice), U256::from(start(count)))?;
    let mut evm = Context::mainnet().with_db(state).build_mainnet();
    let data = call_data(bob, 10);
    let begin = Instant::now();
    for nonce in 0..count as u64 {
        let transaction = TxEnv::builder().caller(alice).nonce(nonce).gas_price(0).gas_limit(200_000);
        let transaction = transaction.kind(TxKind::Call(token)).data(data.clone()).build();
        let transaction = transaction.map_err(|e| format!("{e:?}"))?;
        let done = evm.transact_commit(transaction).map_err(|e| format!("{e:?}"))?;
        if !done.is_success() {
            return Err(format!("transfer {nonce} failed: {done:?}").into());
        }
    }
    let took = begin.elapsed();
    let state = &evm.ctx.journaled_state.database;
    let of = |account: Address| state.storage_ref(token, slot(account)).map(|value| value.to::<i64>());
    Ok(Pass { took, alice: of(alice)?, bob: of(bob)? })
}
