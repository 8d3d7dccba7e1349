//! Passwords in the short options of well-known commands: `curl -u user:…`, `mysql -p…`,
//! `sshpass -p …`, `redis-cli -a …`. Long options need no list.

use super::extent::is_quote;
use super::hits::Rule;
use super::plausible;
use super::scan::Scan;
use super::word::Word;

/// Notes the password among the arguments of the command that `word` names.
pub(super) fn look(scan: &mut Scan<'_>, word: &Word) -> Option<usize> {
    let text = scan.text;
    let name = word.text(text);
    let options: &[&[u8]] = match name {
        b"curl" => &[b"-u", b"--user", b"-U", b"--proxy-user"],
        b"mysql" | b"mysqldump" | b"mysqladmin" | b"mariadb" => &[b"-p"],
        b"sshpass" => &[b"-p"],
        b"redis-cli" => &[b"-a"],
        _ => return None,
    };
    let window = &text[word.after..text.len().min(word.after + ARGUMENTS_BYTES)];
    let mut awaited = false;
    let mut at = 0;
    while let Some((start, end)) = argument(window, at) {
        let argument = &window[start..end];
        at = end;
        if awaited {
            secret(scan, name, word.after + start, word.after + end);
            return None;
        }
        awaited = options.contains(&argument) && !name.starts_with(b"my");
        // `-pPassword` in one word.
        let joined = options
            .iter()
            .find(|option| option.len() == 2 && argument.starts_with(option) && argument.len() > 2);
        if joined.is_some() && argument[1] != b'-' {
            secret(scan, name, word.after + start + 2, word.after + end);
            return None;
        }
    }
    None
}

const ARGUMENTS_BYTES: usize = 256;

/// The next argument: blanks, quotes and the commas of a list stand between two.
fn argument(window: &[u8], from: usize) -> Option<(usize, usize)> {
    let separates = |byte: &u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b',' | b'\\');
    let start = from + window[from..].iter().position(|byte| !separates(byte))?;
    if matches!(window[start], b'\n' | b'|' | b';' | b'&' | b']' | b'}' | b')') {
        return None;
    }
    // Behind the end of a string only another string is an argument, not what follows a list.
    let quoted = window[from..start].iter().any(|byte| is_quote(*byte));
    if quoted && !is_quote(window[start - 1]) || window[start] == b':' {
        return None;
    }
    let length = window[start..].iter().take_while(|b| !separates(b) && **b != b'\n').count();
    Some((start, start + length))
}

/// The argument itself; of `user:password` the latter.
fn secret(scan: &mut Scan<'_>, command: &[u8], start: usize, end: usize) {
    let text = scan.text;
    let colon = memchr::memchr(b':', &text[start..end]);
    let start = match (command, colon) {
        (b"curl", Some(colon)) => start + colon + 1,
        (b"curl", None) => return,
        _ => start,
    };
    let value = std::str::from_utf8(&text[start..end]).unwrap_or_default();
    if !plausible::is_placeholder(value) && !plausible::is_code(value) {
        scan.found(start, end, Rule::CommandLine);
    }
}
