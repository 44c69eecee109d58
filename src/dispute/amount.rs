//! Exact amounts: plain numbers, US money, accountants' parentheses, and signed overpunch.
//!
//! Never rounds and never goes through binary floating point: what cannot be held exactly is refused.

use rust_decimal::Decimal;

/// What an amount counts, which decides what may stand beside the digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmountKind {
    /// US dollars; a dollar sign is allowed.
    Money,
    /// Units of a drug.
    Units,
}

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// The form is not one of those read.
    #[error("an amount (such as `1234.50`, `$1,234.50` or `(12.00)`)")]
    Form,
    /// A comma that does not stand before three digits.
    #[error("an amount (commas only between groups of three digits, a dot for decimals)")]
    Comma,
    /// A dollar sign on units.
    #[error("a number of units (without a dollar sign)")]
    Currency,
    /// Scientific notation: a spreadsheet or a binary number has already lost digits.
    #[error("an amount (scientific notation has lost digits; export the column as text)")]
    Scientific,
    /// More digits than an exact decimal holds.
    #[error("an amount (at most 28 digits can be held exactly)")]
    Exactness,
    /// Not a signed overpunch number, where the settings say that the column is one.
    #[error("a signed overpunch amount (digits, the last one `{{`, `A` to `I`, `}}`, `J` to `R` or a digit)")]
    Overpunch,
}

/// Reads an amount with an explicit decimal point: an optional sign, an optional dollar sign, digits with or
/// without well placed commas; or the same in parentheses, without sign, for negative.
pub fn parse(text: &str, kind: AmountKind) -> Result<Decimal, AmountError> {
    let text = text.trim();
    let (in_parentheses, inner) = match text.strip_prefix('(') {
        Some(rest) => (true, rest.strip_suffix(')').ok_or(AmountError::Form)?.trim()),
        None => (false, text),
    };
    let mut rest = inner;
    let mut sign = None;
    let mut currency = false;
    // Both `-$12.00` and `$-12.00` are seen.
    for _ in 0..2 {
        if let (Some(after), None) = (rest.strip_prefix(['-', '+']), sign) {
            sign = Some(rest.starts_with('-'));
            rest = after;
        } else if let (Some(after), false) = (rest.strip_prefix('$'), currency) {
            currency = true;
            rest = after;
        }
    }
    if currency && kind == AmountKind::Units {
        return Err(AmountError::Currency);
    }
    if in_parentheses && sign.is_some() {
        return Err(AmountError::Form);
    }
    let amount = unsigned(rest)?;
    Ok(if in_parentheses || sign == Some(true) { -amount } else { amount })
}

/// Reads a signed overpunch amount (EBCDIC zoned decimal, as in TPA files): the last character carries the
/// last digit and the sign (`{` = +0, `A`–`I` = +1 to +9, `}` = −0, `J`–`R` = −1 to −9). The last
/// `implied_decimals` digits are decimals. A plain last digit is positive, and a text with a decimal point is
/// read by [`parse`], since its decimals are not implied.
pub fn parse_overpunch(text: &str, implied_decimals: u8, kind: AmountKind) -> Result<Decimal, AmountError> {
    let text = text.trim();
    if text.contains('.') {
        return parse(text, kind);
    }
    let last = text.chars().next_back().ok_or(AmountError::Overpunch)?;
    let (digit, negative) = match last {
        '{' => (0, false),
        'A'..='I' => (last as u32 - 'A' as u32 + 1, false),
        '}' => (0, true),
        'J'..='R' => (last as u32 - 'J' as u32 + 1, true),
        '0'..='9' => (last as u32 - '0' as u32, false),
        _ => return Err(AmountError::Overpunch),
    };
    let leading = &text[..text.len() - 1];
    if !leading.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AmountError::Overpunch);
    }
    let whole = leading
        .bytes()
        .map(|b| i128::from(b - b'0'))
        .chain([i128::from(digit)])
        .try_fold(0_i128, |whole, digit| whole.checked_mul(10)?.checked_add(digit))
        .ok_or(AmountError::Exactness)?;
    let amount = Decimal::try_from_i128_with_scale(whole, u32::from(implied_decimals))
        .map_err(|_| AmountError::Exactness)?;
    Ok(if negative { -amount } else { amount })
}

/// Digits, commas and at most one dot.
fn unsigned(text: &str) -> Result<Decimal, AmountError> {
    if let Some(amount) = short(text) {
        return Ok(amount);
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if text.contains(['e', 'E']) && text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(AmountError::Scientific);
    }
    if decimals.contains(',') {
        return Err(AmountError::Comma);
    }
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(&whole.replace(',', ""))
        || !is_digits(decimals)
        || (whole.is_empty() && decimals.is_empty())
    {
        return Err(AmountError::Form);
    }
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    if whole.contains(',') && (!(1..=3).contains(&first.len()) || !groups.all(|group| group.len() == 3)) {
        return Err(AmountError::Comma);
    }
    let whole = whole.replace(',', "");
    let whole = if whole.is_empty() { "0" } else { &whole };
    let plain = if decimals.is_empty() { whole.to_owned() } else { format!("{whole}.{decimals}") };
    Decimal::from_str_exact(&plain).map_err(|_| AmountError::Exactness)
}

/// Up to 18 digits and at most one dot: nearly every amount, and read without any text in between.
fn short(text: &str) -> Option<Decimal> {
    const MAX_DIGITS: usize = 18;
    if text.len() > MAX_DIGITS + 1 {
        return None;
    }
    let mut whole = 0_i64;
    let mut digits = 0;
    let mut decimals: Option<u32> = None;
    for byte in text.bytes() {
        match (byte, &mut decimals) {
            (b'0'..=b'9', decimals) => {
                digits += 1;
                if digits > MAX_DIGITS {
                    return None;
                }
                whole = whole * 10 + i64::from(byte - b'0');
                *decimals = decimals.map(|decimals| decimals + 1);
            }
            (b'.', decimals @ None) => *decimals = Some(0),
            _ => return None,
        }
    }
    (digits > 0).then(|| Decimal::new(whole, decimals.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_amount_is_the_same_as_one_read_at_length() {
        for text in
            ["0", "007", "5.", ".5", "0.00", "1.50", "999999999999999999", "0.00000000000000001", "12.340"]
        {
            let quick = short(text).unwrap();
            let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
            let plain =
                if decimals.is_empty() { format!("0{whole}") } else { format!("0{whole}.{decimals}") };
            let long = Decimal::from_str_exact(&plain).unwrap();
            assert_eq!((quick, quick.scale()), (long, long.scale()), "{text}");
        }
        for text in ["", ".", "1.2.3", "1,234", "1234567890123456789", "1e5", "-1", "٣"] {
            assert_eq!(short(text), None, "{text}");
        }
    }

    fn money(text: &str) -> Result<String, AmountError> {
        parse(text, AmountKind::Money).map(|amount| amount.to_string())
    }

    #[test]
    fn reads_plain_numbers_and_us_money_exactly() {
        for (text, expected) in [
            ("1234.50", "1234.50"),
            ("$1,234.50", "1234.50"),
            ("-$12.00", "-12.00"),
            ("$-12.00", "-12.00"),
            ("+7", "7"),
            ("(12.00)", "-12.00"),
            ("($1,234,567.89)", "-1234567.89"),
            (".5", "0.5"),
            ("5.", "5"),
            ("0.1", "0.1"),
            ("007", "7"),
            ("12345678901234567890.12345678", "12345678901234567890.12345678"),
        ] {
            assert_eq!(money(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for (text, expected) in [
            ("", AmountError::Form),
            ("-", AmountError::Form),
            (".", AmountError::Form),
            ("--1", AmountError::Form),
            ("$$1", AmountError::Form),
            ("(-12)", AmountError::Form),
            ("(12", AmountError::Form),
            ("12)", AmountError::Form),
            ("1 234", AmountError::Form),
            ("10M", AmountError::Form),
            ("1.2.3", AmountError::Form),
            ("٣", AmountError::Form),
            ("1,20", AmountError::Comma),
            ("1234,567", AmountError::Comma),
            (",123", AmountError::Comma),
            ("1.234,50", AmountError::Comma),
            ("1.2E+5", AmountError::Scientific),
            ("99999999999999999999999999999999", AmountError::Exactness),
            ("0.12345678901234567890123456789012", AmountError::Exactness),
        ] {
            assert_eq!(money(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn units_have_no_dollar_sign() {
        assert_eq!(parse("$3", AmountKind::Units), Err(AmountError::Currency));
        assert_eq!(parse("3.500", AmountKind::Units), Ok(Decimal::new(3500, 3)));
    }

    #[test]
    fn overpunch_carries_sign_and_last_digit() {
        let read = |text, decimals| {
            parse_overpunch(text, decimals, AmountKind::Money).map(|amount| amount.to_string())
        };
        assert_eq!(read("10M", 0).as_deref(), Ok("-104"));
        assert_eq!(read("10D", 0).as_deref(), Ok("104"));
        assert_eq!(read("0000010M", 2).as_deref(), Ok("-1.04"));
        assert_eq!(read("1{", 0).as_deref(), Ok("10"));
        assert_eq!(read("1}", 0).as_deref(), Ok("-10"));
        assert_eq!(read("R", 1).as_deref(), Ok("-0.9"));
        assert_eq!(read("1234", 2).as_deref(), Ok("12.34"));
        assert_eq!(read("12.34", 2).as_deref(), Ok("12.34"));
        for text in ["", "10S", "1A0M", "-10M", "10é"] {
            assert_eq!(read(text, 2), Err(AmountError::Overpunch), "{text}");
        }
        assert_eq!(read(&"9".repeat(30), 2), Err(AmountError::Exactness));
    }
}
