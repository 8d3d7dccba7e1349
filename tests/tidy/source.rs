//! One source file, seen as code: comments and literals blanked, test code marked.

use std::path::Path;

/// A file and what the rules want to know of it. Lines count from 1, as people do.
pub(crate) struct Source {
    pub(crate) path: String,
    /// The lines as they stand.
    pub(crate) lines: Vec<String>,
    /// The same lines without comments; what stood within quotes is blank.
    pub(crate) code: Vec<String>,
    /// Text literals and the lines on which they begin.
    pub(crate) literals: Vec<(usize, String)>,
    /// Whether the line is test code.
    test: Vec<bool>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (blanked, literals) = blank(text);
        let split = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let (lines, mut code) = (split(text), split(&blanked));
        code.resize(lines.len(), String::new());
        let outside = !path.starts_with("src/");
        let mut source =
            Self { path: path.to_owned(), test: vec![outside; lines.len()], lines, code, literals };
        source.mark_tests();
        source
    }

    /// All of it is test code.
    pub(crate) fn make_test(&mut self) {
        self.test.fill(true);
    }

    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.test.get(line - 1).copied().unwrap_or(false)
    }

    /// Numbered lines of code that ship.
    pub(crate) fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = (1..).zip(&self.code).map(|(line, code)| (line, code.as_str()));
        numbered.filter(|(line, _)| !self.is_test(*line))
    }

    /// The files of modules that are declared under `#[cfg(test)]`.
    pub(crate) fn test_files(&self) -> Vec<String> {
        let path = Path::new(&self.path);
        let folder = path.parent().unwrap();
        let stem = path.file_stem().unwrap().to_string_lossy();
        let below = match &*stem {
            "mod" | "lib" | "main" => folder.to_path_buf(),
            stem => folder.join(stem),
        };
        let mut files = Vec::new();
        let path_attribute = |line: &str| {
            let path = line.trim().strip_prefix("#[path = \"")?.strip_suffix("\"]")?;
            Some(folder.join(path).to_string_lossy().into_owned())
        };
        for (number, code) in self.code.iter().enumerate().filter(|(at, _)| self.test[*at]) {
            let words: Vec<&str> = code.split_whitespace().collect();
            let [.., "mod", name] = words[..] else { continue };
            let Some(name) = name.strip_suffix(';') else { continue };
            let given = number.checked_sub(1).and_then(|above| path_attribute(&self.lines[above]));
            match given {
                Some(file) => files.push(file),
                None => files.push(format!("{}/{name}.rs", below.to_string_lossy())),
            }
        }
        files
    }

    /// From `#[cfg(test)]` to the end of the item below it.
    fn mark_tests(&mut self) {
        let mut line = 0;
        while line < self.code.len() {
            if !self.code[line].contains("#[cfg(test)]")
                && !self.code[line].contains("#[cfg(all(test")
            {
                line += 1;
                continue;
            }
            let (mut depth, mut ended) = (0_i32, false);
            let start = line;
            while line < self.code.len() && !ended {
                self.test[line] = true;
                let code = self.code[line].trim();
                for character in code.chars().filter(|_| !code.starts_with("#[")) {
                    match character {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        _ => {}
                    }
                    ended |= depth == 0 && matches!(character, '}' | ';');
                }
                line += 1;
            }
            debug_assert!(line > start);
        }
    }
}

/// Blanks comments and literals; keeps line ends, so that lines stay where they are.
fn blank(text: &str) -> (String, Vec<(usize, String)>) {
    let characters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut literals = Vec::new();
    let mut at = 0;
    let line_of = |code: &str| code.matches('\n').count() + 1;
    while at < characters.len() {
        let rest = &characters[at..];
        let boundary =
            at == 0 || !(characters[at - 1].is_alphanumeric() || characters[at - 1] == '_');
        let (length, literal) = if rest.starts_with(&['/', '/']) {
            (rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()), None)
        } else if rest.starts_with(&['/', '*']) {
            (block_comment(rest), None)
        } else if boundary && let Some((open, hashes)) = raw_text(rest) {
            let close: Vec<char> =
                std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let end = rest[open..].windows(close.len()).position(|window| window == close);
            let end = end.map_or(rest.len(), |end| open + end);
            (end + close.len(), Some(rest[open..end].iter().collect::<String>()))
        } else if rest[0] == '"' {
            let end = text_end(rest);
            (end + 1, Some(rest[1..end].iter().collect()))
        } else if rest[0] == '\''
            && let Some(length) = character_literal(rest)
        {
            (length, None)
        } else {
            code.push(rest[0]);
            at += 1;
            continue;
        };
        let length = length.min(rest.len());
        if let Some(literal) = literal {
            literals.push((line_of(&code), literal));
            code.push('"');
        }
        code.extend(rest[..length].iter().filter(|c| **c == '\n'));
        at += length;
    }
    (code, literals)
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with(&['/', '*']) {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(&['*', '/']) {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Where the text of a raw literal begins, and how many hashes close it.
fn raw_text(rest: &[char]) -> Option<(usize, usize)> {
    let prefix = rest.iter().take_while(|c| matches!(c, 'r' | 'b')).count();
    if prefix == 0 || prefix > 2 || rest[prefix - 1] != 'r' {
        return None;
    }
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    (rest.get(prefix + hashes) == Some(&'"')).then_some((prefix + hashes + 1, hashes))
}

fn text_end(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at.min(rest.len())
}

/// The length of `'x'` or `'\n'`; `None` for a lifetime.
fn character_literal(rest: &[char]) -> Option<usize> {
    if rest.get(1) == Some(&'\\') {
        let close = rest[3..].iter().position(|c| *c == '\'')?;
        return Some(close + 4);
    }
    (rest.get(2) == Some(&'\'')).then_some(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        let text = "let a = \"// no { \\\" comment\"; // unwrap()\nlet b: &'a str = r#\"x\"y\"#; \
                    /* { /* } */ \n */ let c = '\"'; let d = '\\''; let e = b\"z\";";
        let source = Source::new("src/x.rs", text);
        assert_eq!(source.code[0], "let a = \"; ");
        assert_eq!(source.code[1], "let b: &'a str = \"; ");
        assert_eq!(source.code[2], " let c = ; let d = ; let e = b\";");
        let literals: Vec<&str> = source.literals.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(literals, ["// no { \\\" comment", "x\"y", "z"]);
        assert_eq!(source.literals[1].0, 2);
    }

    #[test]
    fn test_code_is_known() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { }\n}\nfn c() {}\n\
                    #[cfg(test)]\n#[path = \"x_tests.rs\"]\nmod more;\nfn d() {}\n";
        let source = Source::new("src/x/mod.rs", text);
        let shipped: Vec<usize> = source.shipped().map(|(line, _)| line).collect();
        assert_eq!(shipped, [1, 6, 10]);
        assert_eq!(source.test_files(), ["src/x/x_tests.rs"]);
        let source = Source::new("src/x.rs", "#[cfg(test)]\nmod fixture;\n");
        assert_eq!(source.test_files(), ["src/x/fixture.rs"]);
        assert!(Source::new("tests/x.rs", "fn a() {}").is_test(1));
    }
}
