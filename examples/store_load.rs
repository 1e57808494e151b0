//! Commits blocks to a durable store until it is killed, and says each on standard error when it is committed. The
//! tests of the store (`tests/store.rs`) start it and kill it.
//!
//! `store_load PATH every|never`: the second says which commits wait for the disk.

#[path = "../tests/common/load.rs"]
mod load;

use std::error::Error;
use std::io::Write;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(path), Some(sync)) = (arguments.next(), arguments.next()) else {
        return Err("usage: store_load PATH every|never".into());
    };
    let mut isolate = load::store();
    isolate.open_store(Path::new(&path), &load::OWNER, sync == "every")?;
    for number in 0.. {
        let root = load::block(&mut isolate, number);
        isolate.commit_block(number, &root)?;
        writeln!(std::io::stderr(), "committed {number}")?;
    }
    Ok(())
}
