//! The bytes of a block's transactions: a tag, then the content; lengths are 32 bits, little-endian.

use crate::engine::Data;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const BIG: u8 = 4;
const FLOAT: u8 = 5;
const STR: u8 = 6;
const LIST: u8 = 7;
const MAP: u8 = 8;

/// Containers nested deeper are no transaction's: the engine hands out at most 100 levels.
const DEPTH_MOST: u32 = 128;

/// A block's transactions.
pub(super) fn block(transactions: &[Data]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(transactions.len() * 64);
    length(transactions.len(), &mut out)?;
    transactions.iter().try_for_each(|transaction| put(transaction, &mut out))?;
    Ok(out)
}

/// One value: equal values have equal bytes.
pub(super) fn put(data: &Data, out: &mut Vec<u8>) -> Result<(), String> {
    match data {
        Data::Null => out.push(NULL),
        Data::Bool(value) => out.push(if *value { TRUE } else { FALSE }),
        Data::Int(value) => {
            out.push(INT);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Data::BigInt(digits) => text(BIG, digits, out)?,
        Data::Float(value) => {
            out.push(FLOAT);
            out.extend_from_slice(&value.to_bits().to_le_bytes());
        }
        Data::Str(content) => text(STR, content, out)?,
        Data::List(items) => {
            out.push(LIST);
            length(items.len(), out)?;
            items.iter().try_for_each(|item| put(item, out))?;
        }
        Data::Map(entries) => {
            out.push(MAP);
            length(entries.len(), out)?;
            entries.iter().try_for_each(|(key, value)| put(key, out).and_then(|()| put(value, out)))?;
        }
        Data::Opaque(shown) => {
            return Err(format!("a transaction holds {shown}: `generate` must make plain values alone"));
        }
    }
    Ok(())
}

fn length(count: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let count = u32::try_from(count).map_err(|_| format!("a transaction with {count} elements is too long"))?;
    out.extend_from_slice(&count.to_le_bytes());
    Ok(())
}

fn text(tag: u8, content: &str, out: &mut Vec<u8>) -> Result<(), String> {
    out.push(tag);
    length(content.len(), out)?;
    out.extend_from_slice(content.as_bytes());
    Ok(())
}

/// The transactions of a block; the error says what is wrong with the bytes.
pub(super) fn read_block(bytes: &[u8]) -> Result<Vec<Data>, String> {
    let mut rest = bytes;
    let count = count(&mut rest)?;
    let transactions = (0..count).map(|_| value(&mut rest, 0)).collect::<Result<_, _>>()?;
    if rest.is_empty() { Ok(transactions) } else { Err("bytes are left over".into()) }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], String> {
    let (head, tail) = rest.split_at_checked(count).ok_or("a value is cut off")?;
    *rest = tail;
    Ok(head)
}

fn fixed<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], String> {
    take(rest, N)?.try_into().map_err(|_| "a value is cut off".into())
}

/// A number of elements: each takes a byte at least.
fn count(rest: &mut &[u8]) -> Result<usize, String> {
    let count = u32::from_le_bytes(fixed(rest)?) as usize;
    if count > rest.len() { Err("a length is greater than what follows".into()) } else { Ok(count) }
}

fn string<'a>(rest: &mut &'a [u8]) -> Result<&'a str, String> {
    let count = count(rest)?;
    std::str::from_utf8(take(rest, count)?).map_err(|_| "a text is not UTF-8".into())
}

fn value(rest: &mut &[u8], depth: u32) -> Result<Data, String> {
    if depth > DEPTH_MOST {
        return Err("a value is nested too deep".into());
    }
    let [tag] = fixed(rest)?;
    Ok(match tag {
        NULL => Data::Null,
        FALSE => Data::Bool(false),
        TRUE => Data::Bool(true),
        INT => Data::Int(i64::from_le_bytes(fixed(rest)?)),
        BIG => Data::BigInt(string(rest)?.into()),
        FLOAT => Data::Float(f64::from_bits(u64::from_le_bytes(fixed(rest)?))),
        STR => Data::Str(string(rest)?.into()),
        LIST => {
            let count = count(rest)?;
            Data::List((0..count).map(|_| value(rest, depth + 1)).collect::<Result<_, _>>()?)
        }
        MAP => {
            let count = count(rest)?;
            let mut entry = |_| Ok::<_, String>((value(rest, depth + 1)?, value(rest, depth + 1)?));
            Data::Map((0..count).map(&mut entry).collect::<Result<_, _>>()?)
        }
        _ => return Err(format!("there is no value of kind {tag}")),
    })
}
