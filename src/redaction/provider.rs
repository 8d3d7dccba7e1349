//! The forms of keys that services hand out, as data.

use super::hits::Rule;

/// What must follow a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// At least so many letters and digits, and a digit among them.
    Alnum(usize),
    /// Exactly so many characters, to the end of the run.
    Exact(usize),
    /// At least so many characters of any kind, letters and digits mixed.
    Any(usize),
    /// So many hexadecimal digits or more.
    Hex(usize),
    /// A part of twelve or more letters and digits between dashes, with both in it: words joined
    /// by dashes have no digits in them, or short parts.
    Segment,
    /// A UUID.
    Uuid,
}

impl Form {
    /// Whether the bytes from `at` to the run's `end` have this form.
    pub(super) fn fits(self, text: &[u8], at: usize, end: usize) -> bool {
        let rest = &text[at..end];
        let length_of_run = rest.len();
        // A run may be megabytes long and begin anew at every dash.
        let rest = &rest[..length_of_run.min(FORM_BYTES)];
        let count = |fits: fn(&u8) -> bool| rest.iter().take_while(|byte| fits(byte)).count();
        match self {
            Self::Alnum(length) => {
                let found = count(u8::is_ascii_alphanumeric);
                found >= length && mixes(&rest[..found])
            }
            Self::Exact(length) => length_of_run == length && mixes(rest),
            Self::Any(length) => rest.len() >= length && mixes(rest),
            Self::Hex(length) => count(u8::is_ascii_hexdigit) >= length && mixes(rest),
            Self::Segment => rest
                .split(|byte| matches!(byte, b'-' | b'_'))
                .any(|part| part.len() >= 12 && mixes(part)),
            Self::Uuid => {
                let parts = rest.split(|byte| *byte == b'-').map(<[u8]>::len);
                rest.len() >= 36 && parts.take(4).eq([8, 4, 4, 4])
            }
        }
    }
}

/// No form looks at more than this.
const FORM_BYTES: usize = 256;

fn mixes(bytes: &[u8]) -> bool {
    bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic)
}

/// Prefix, what follows it, whose it is. Longer prefixes stand before those they begin with.
const PREFIXES: &[(&str, Form, Rule)] = &[
    ("sk-ant-", Form::Any(16), Rule::Anthropic),
    ("sk-lf-", Form::Uuid, Rule::Provider),
    ("sk-or-", Form::Any(20), Rule::Provider),
    ("sk-proj-", Form::Any(20), Rule::Openai),
    ("sk-svcacct-", Form::Any(20), Rule::Openai),
    ("sk-admin-", Form::Any(20), Rule::Openai),
    ("sk-", Form::Segment, Rule::Openai),
    ("sess-", Form::Alnum(32), Rule::Openai),
    ("AKIA", Form::Exact(16), Rule::Aws),
    ("ASIA", Form::Exact(16), Rule::Aws),
    ("ABIA", Form::Exact(16), Rule::Aws),
    ("ACCA", Form::Exact(16), Rule::Aws),
    ("ABSK", Form::Any(80), Rule::Aws),
    ("AIza", Form::Any(31), Rule::Google),
    ("GOCSPX-", Form::Any(20), Rule::Google),
    ("ghp_", Form::Alnum(30), Rule::Github),
    ("gho_", Form::Alnum(30), Rule::Github),
    ("ghu_", Form::Alnum(30), Rule::Github),
    ("ghs_", Form::Alnum(30), Rule::Github),
    ("ghr_", Form::Alnum(30), Rule::Github),
    ("github_pat_", Form::Any(22), Rule::Github),
    ("glpat-", Form::Any(16), Rule::Gitlab),
    ("gldt-", Form::Any(16), Rule::Gitlab),
    ("glrt-", Form::Any(16), Rule::Gitlab),
    ("glcbt-", Form::Any(16), Rule::Gitlab),
    ("glptt-", Form::Any(16), Rule::Gitlab),
    ("glsoat-", Form::Any(16), Rule::Gitlab),
    ("glagent-", Form::Any(16), Rule::Gitlab),
    ("GR1348941", Form::Any(16), Rule::Gitlab),
    ("xoxb-", Form::Any(12), Rule::Slack),
    ("xoxp-", Form::Any(12), Rule::Slack),
    ("xoxa-", Form::Any(12), Rule::Slack),
    ("xoxr-", Form::Any(12), Rule::Slack),
    ("xoxs-", Form::Any(12), Rule::Slack),
    ("xoxe-", Form::Any(12), Rule::Slack),
    ("xoxc-", Form::Any(12), Rule::Slack),
    ("xoxd-", Form::Any(12), Rule::Slack),
    ("xapp-", Form::Any(16), Rule::Slack),
    ("sk_live_", Form::Alnum(16), Rule::Stripe),
    ("sk_test_", Form::Alnum(16), Rule::Stripe),
    ("rk_live_", Form::Alnum(16), Rule::Stripe),
    ("rk_test_", Form::Alnum(16), Rule::Stripe),
    ("whsec_", Form::Alnum(16), Rule::Stripe),
    ("hf_", Form::Alnum(30), Rule::HuggingFace),
    ("api_org_", Form::Alnum(30), Rule::HuggingFace),
    ("gsk_", Form::Alnum(32), Rule::Provider),
    ("xai-", Form::Alnum(32), Rule::Provider),
    ("r8_", Form::Alnum(32), Rule::Provider),
    ("pplx-", Form::Alnum(32), Rule::Provider),
    ("csk-", Form::Alnum(32), Rule::Provider),
    ("nvapi-", Form::Any(32), Rule::Provider),
    ("tvly-", Form::Segment, Rule::Provider),
    ("fw_", Form::Alnum(20), Rule::Provider),
    ("fc-", Form::Hex(32), Rule::Provider),
    ("jina_", Form::Alnum(32), Rule::Provider),
    ("pcsk_", Form::Any(32), Rule::Provider),
    ("lsv2_", Form::Any(32), Rule::Provider),
    ("ls__", Form::Alnum(20), Rule::Provider),
    ("e2b_", Form::Alnum(32), Rule::Provider),
    ("npm_", Form::Alnum(32), Rule::Provider),
    ("pypi-", Form::Any(40), Rule::Provider),
    ("rubygems_", Form::Alnum(40), Rule::Provider),
    ("dckr_pat_", Form::Any(20), Rule::Provider),
    ("dckr_oat_", Form::Any(20), Rule::Provider),
    ("dop_v1_", Form::Alnum(40), Rule::Provider),
    ("doo_v1_", Form::Alnum(40), Rule::Provider),
    ("dor_v1_", Form::Alnum(40), Rule::Provider),
    ("shpat_", Form::Alnum(30), Rule::Provider),
    ("shpss_", Form::Alnum(30), Rule::Provider),
    ("shpca_", Form::Alnum(30), Rule::Provider),
    ("shppa_", Form::Alnum(30), Rule::Provider),
    ("sq0atp-", Form::Any(20), Rule::Provider),
    ("sq0csp-", Form::Any(30), Rule::Provider),
    ("sntrys_", Form::Any(30), Rule::Provider),
    ("sntryu_", Form::Any(30), Rule::Provider),
    ("lin_api_", Form::Alnum(30), Rule::Provider),
    ("ntn_", Form::Alnum(36), Rule::Provider),
    ("secret_", Form::Alnum(36), Rule::Provider),
    ("PMAK-", Form::Any(30), Rule::Provider),
    ("figd_", Form::Any(30), Rule::Provider),
    ("dapi", Form::Hex(32), Rule::Provider),
    ("ATATT3x", Form::Any(40), Rule::Provider),
    ("ATCTT3x", Form::Any(40), Rule::Provider),
    ("EAAC", Form::Alnum(60), Rule::Provider),
    ("LTAI", Form::Exact(20), Rule::Provider),
    ("CFPAT-", Form::Any(30), Rule::Provider),
    ("pul-", Form::Hex(32), Rule::Provider),
    ("glsa_", Form::Alnum(30), Rule::Provider),
    ("glc_", Form::Alnum(32), Rule::Provider),
    ("xkeysib-", Form::Any(40), Rule::Provider),
    ("key-", Form::Hex(32), Rule::Provider),
    ("phx_", Form::Alnum(30), Rule::Provider),
    ("rzp_live_", Form::Alnum(14), Rule::Provider),
    ("apify_api_", Form::Alnum(30), Rule::Provider),
    ("sbp_", Form::Hex(36), Rule::Provider),
    ("sb_secret_", Form::Any(20), Rule::Provider),
    ("NRAK-", Form::Alnum(20), Rule::Provider),
    ("NRJS-", Form::Alnum(16), Rule::Provider),
    ("pscale_tkn_", Form::Any(30), Rule::Provider),
    ("pscale_pw_", Form::Any(30), Rule::Provider),
    ("ops_", Form::Any(60), Rule::Provider),
    ("vercel_blob_rw_", Form::Any(20), Rule::Provider),
    ("AGE-SECRET-KEY-1", Form::Alnum(40), Rule::PrivateKey),
    ("zpka_", Form::Any(24), Rule::Provider),
    ("bkua_", Form::Alnum(30), Rule::Provider),
    ("rnd_", Form::Alnum(28), Rule::Provider),
    ("nfp_", Form::Alnum(32), Rule::Provider),
    ("hvs_", Form::Any(24), Rule::Provider),
];

/// Prefixes that a dot ends.
pub(super) const DOTTED: [(&str, Rule); 14] = [
    ("SG.", Rule::Provider),
    ("ya29.", Rule::Google),
    ("hvs.", Rule::Provider),
    ("hvb.", Rule::Provider),
    ("hvr.", Rule::Provider),
    ("dt0c01.", Rule::Provider),
    (".atlasv1.", Rule::Provider),
    ("dp.pt.", Rule::Provider),
    ("dp.st.", Rule::Provider),
    ("dp.ct.", Rule::Provider),
    ("dp.sa.", Rule::Provider),
    ("sl.", Rule::Provider),
    ("amzn.mws.", Rule::Aws),
    ("EAAA.", Rule::Provider),
];

/// The key that begins at `at` in the run which ends at `end`: where it ends and whose it is.
pub(super) fn prefixed(text: &[u8], at: usize, end: usize) -> Option<(usize, Rule)> {
    if !may_begin(text, at) {
        return None;
    }
    let rest = &text[at..end];
    let known = PREFIXES.iter().find(|(prefix, form, _)| {
        rest.starts_with(prefix.as_bytes()) && form.fits(text, at + prefix.len(), end)
    });
    match known {
        Some((_, _, rule)) => Some((end, *rule)),
        None => generic(text, at, end),
    }
}

/// Whether any prefix has the two bytes at `at`.
pub(super) fn may_begin(text: &[u8], at: usize) -> bool {
    let Some(&[first, second]) = text[at..].first_chunk() else { return false };
    let pair = usize::from(first) << 8 | usize::from(second);
    BEGINNINGS[pair / 64] >> (pair % 64) & 1 != 0
}

/// The first two bytes of all prefixes, one bit for each pair: nearly all runs end here.
static BEGINNINGS: [u64; 1024] = {
    let mut bits = [0; 1024];
    let mut index = 0;
    while index < PREFIXES.len() + GENERIC.len() {
        let prefix = if index < PREFIXES.len() {
            PREFIXES[index].0.as_bytes()
        } else {
            GENERIC[index - PREFIXES.len()].as_bytes()
        };
        let pair = (prefix[0] as usize) << 8 | prefix[1] as usize;
        bits[pair / 64] |= 1 << (pair % 64);
        index += 1;
    }
    bits
};

/// Services not listed name their keys alike: `acme_live_…`, `acme-sk-…`, `acme_pat_…`.
fn generic(text: &[u8], at: usize, end: usize) -> Option<(usize, Rule)> {
    let mark = GENERIC.iter().find(|mark| text[at..end].starts_with(mark.as_bytes()))?;
    let secret = &text[at + mark.len()..end];
    let random = secret.len() >= 20
        && secret.iter().all(u8::is_ascii_alphanumeric)
        && secret.iter().filter(|byte| byte.is_ascii_digit()).count() >= 2
        && secret.iter().filter(|byte| byte.is_ascii_alphabetic()).count() >= 4;
    random.then_some((end, Rule::Provider))
}

const GENERIC: [&str; 14] = [
    "live_", "secret_", "sk_", "pat_", "apikey_", "apikey-", "api_key_", "api-key-", "priv_",
    "private_", "live-", "secret-", "pat-", "sk-",
];

/// Keys that have no prefix of their own or one that is only one with what stands before the run.
pub(super) fn whole(text: &[u8], start: usize, end: usize) -> Option<Rule> {
    let run = &text[start..end];
    let hex = |bytes: &[u8]| bytes.iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b));
    if run.len() == 34 && run.starts_with(b"SK") && hex(&run[2..]) {
        return Some(Rule::Provider);
    }
    // Bots of Telegram: their number, a colon, and this.
    let digits = text[..start].strip_suffix(b":").map(|before| {
        before.iter().rev().take(12).take_while(|byte| byte.is_ascii_digit()).count()
    });
    if run.len() == 35 && run.starts_with(b"AA") && digits.is_some_and(|count| count >= 8) {
        return Some(Rule::Provider);
    }
    // Refresh tokens of Google.
    (run.len() >= 36 && text[..start].ends_with(b"1//") && mixes(run)).then_some(Rule::Google)
}

/// Whether the words before a random value call it a secret. Digests are often called keys, so
/// that for hexadecimal values `key` alone does not count.
pub(super) fn announces(before: &[u8], hex: bool) -> bool {
    let before = before.to_ascii_lowercase();
    let has = |word: &str| memchr::memmem::find(&before, word.as_bytes()).is_some();
    if ["cache", "primary", "public", "sha", "md5", "hash", "digest", "checksum", "commit", "etag"]
        .into_iter()
        .any(has)
    {
        return false;
    }
    let strong = ["password", "passwd", "passphrase", "secret", "credential", "api key", "apikey"];
    let token = has("token") && !has("tokens") && !has("page token") && !has("next token");
    strong.into_iter().any(has) || token || has("auth") && !has("author") || !hex && has(" key")
}
