//! Specifications such as `...ij,jk->...ik`: what is written, and the index of each axis that it stands for.

use std::collections::BTreeMap;
use std::fmt;

use super::fault::SpecFault;
use crate::graph::op::{Attribute, AttributeValue};
use crate::shape::Shape;

/// What an axis is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Index {
    /// An axis under an ellipsis, counted from the last one. Those of all operands are matched so, and a length of 1
    /// stretches.
    Ellipsis(usize),
    /// A letter, which stands for one length wherever it is.
    Letter(char),
}

impl Index {
    pub(super) fn is_ellipsis(self) -> bool {
        matches!(self, Index::Ellipsis(_))
    }
}

/// The indices of a tensor's axes, in their order.
pub(super) type Term = Vec<Index>;

/// Each index of a term once, in the order in which they come first.
pub(super) fn distinct(term: &[Index]) -> Term {
    let mut distinct = Term::new();
    for &index in term {
        if !distinct.contains(&index) {
            distinct.push(index);
        }
    }
    distinct
}

/// What stands in a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Letter(char),
    Ellipsis,
}

/// A specification, with its result.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    terms: Vec<Vec<Mark>>,
    result: Vec<Mark>,
}

/// What a term says.
fn marks(term: &str) -> Result<Vec<Mark>, SpecFault> {
    let dots = || SpecFault::Ellipsis { term: term.to_owned() };
    let (mut marks, mut rest) = (Vec::new(), term);
    while let Some(first) = rest.chars().next() {
        if first == '.' {
            rest = rest.strip_prefix("...").ok_or_else(dots)?;
            if marks.contains(&Mark::Ellipsis) {
                return Err(dots());
            }
            marks.push(Mark::Ellipsis);
        } else if first.is_ascii_alphabetic() {
            rest = &rest[1..];
            marks.push(Mark::Letter(first));
        } else {
            return Err(SpecFault::NotAnIndex { found: first });
        }
    }
    Ok(marks)
}

/// The letters of a term.
fn letters(marks: &[Mark]) -> impl Iterator<Item = char> + '_ {
    marks.iter().filter_map(|mark| if let Mark::Letter(letter) = mark { Some(*letter) } else { None })
}

impl Spec {
    /// What a text says of so many operands. Without `->` the result has the axes under ellipses, then the letters that
    /// are there once, in alphabetical order: as in `NumPy`.
    pub(super) fn parse(text: &str, operands: usize) -> Result<Self, SpecFault> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (terms, result) =
            text.split_once("->").map_or((text.as_str(), None), |(terms, result)| (terms, Some(result)));
        let terms: Vec<Vec<Mark>> = terms.split(',').map(marks).collect::<Result<_, _>>()?;
        if terms.len() != operands {
            return Err(SpecFault::Operands { terms: terms.len(), operands });
        }
        let mut counts: BTreeMap<char, usize> = BTreeMap::new();
        terms
            .iter()
            .flat_map(|term| letters(term))
            .for_each(|letter| *counts.entry(letter).or_default() += 1);
        let result = if let Some(result) = result {
            marks(result)?
        } else {
            let ellipsis = terms.iter().flatten().find(|&&mark| mark == Mark::Ellipsis);
            let once = counts.iter().filter(|&(_, &count)| count == 1);
            ellipsis.copied().into_iter().chain(once.map(|(&letter, _)| Mark::Letter(letter))).collect()
        };
        for (position, index) in letters(&result).enumerate() {
            if !counts.contains_key(&index) {
                return Err(SpecFault::OnlyInResult { index });
            }
            if letters(&result).take(position).any(|before| before == index) {
                return Err(SpecFault::Repeated { index });
            }
        }
        Ok(Spec { terms, result })
    }

    /// The index of each axis of operands of these shapes, and of the result.
    pub(super) fn indices(&self, shapes: &[&Shape]) -> Result<(Vec<Term>, Term), SpecFault> {
        let mut most = 0;
        let mut terms = Vec::new();
        for (operand, (marks, shape)) in self.terms.iter().zip(shapes).enumerate() {
            let named = letters(marks).count();
            let under = shape.rank().checked_sub(named).filter(|&under| under == 0 || named < marks.len());
            let Some(under) = under else {
                return Err(SpecFault::Rank { operand, shape: (*shape).clone(), indices: named });
            };
            most = most.max(under);
            terms.push(spread(marks, under));
        }
        if most > 0 && !self.result.contains(&Mark::Ellipsis) {
            return Err(SpecFault::EllipsisInResult { axes: most });
        }
        Ok((terms, spread(&self.result, most)))
    }
}

/// The indices of a term with so many axes under its ellipsis.
fn spread(marks: &[Mark], under: usize) -> Term {
    let indices = marks.iter().flat_map(|mark| match *mark {
        Mark::Letter(letter) => vec![Index::Letter(letter)],
        Mark::Ellipsis => (0..under).rev().map(Index::Ellipsis).collect(),
    });
    indices.collect()
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, term) in self.terms.iter().chain([&self.result]).enumerate() {
            f.write_str(match position {
                0 => "",
                _ if position == self.terms.len() => "->",
                _ => ",",
            })?;
            for mark in term {
                match mark {
                    Mark::Letter(letter) => write!(f, "{letter}")?,
                    Mark::Ellipsis => f.write_str("...")?,
                }
            }
        }
        Ok(())
    }
}

/// The specification that stands for these indices; none, if ellipses cannot say where axes under them go.
pub(super) fn notation(terms: &[Term], result: &[Index]) -> Option<String> {
    let under = |term: &[Index]| term.iter().filter(|index| index.is_ellipsis()).count();
    if under(result) != terms.iter().map(|term| under(term)).max().unwrap_or(0) {
        return None;
    }
    written(terms, result, |term| {
        let mut text = String::new();
        let mut awaited = under(term);
        for &index in term {
            match index {
                Index::Letter(letter) if awaited == 0 || awaited == under(term) => text.push(letter),
                Index::Ellipsis(place) if place + 1 == awaited => {
                    text.push_str(if awaited == under(term) { "..." } else { "" });
                    awaited -= 1;
                }
                _ => return None,
            }
        }
        Some(text)
    })
}

/// A term with numbers for the axes under its ellipsis, in parentheses where they have more than one digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NumberedTerm(pub(super) Term);

impl fmt::Display for NumberedTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|index| match index {
            Index::Letter(letter) => write!(f, "{letter}"),
            Index::Ellipsis(place @ 0..=9) => write!(f, "{place}"),
            Index::Ellipsis(place) => write!(f, "({place})"),
        })
    }
}

impl NumberedTerm {
    /// What a text says, which has each number once.
    fn read(text: &str) -> Option<Self> {
        let (mut term, mut rest) = (Term::new(), text);
        while let Some(first) = rest.chars().next() {
            let index = if first == '(' {
                let (place, behind) = rest[1..].split_once(')')?;
                rest = behind;
                Index::Ellipsis(usize::from(place.parse::<u16>().ok()?))
            } else {
                rest = &rest[first.len_utf8()..];
                match first.to_digit(10) {
                    Some(place) => Index::Ellipsis(place as usize),
                    None => first.is_ascii_alphabetic().then_some(Index::Letter(first))?,
                }
            };
            if index.is_ellipsis() && term.contains(&index) {
                return None;
            }
            term.push(index);
        }
        Some(NumberedTerm(term))
    }
}

impl AttributeValue for NumberedTerm {
    const KIND: &'static str = "term of letters and numbers";

    fn into_attribute(self) -> Attribute {
        self.to_string().into_attribute()
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        let Attribute::Text(text) = attribute else { return None };
        NumberedTerm::read(text)
    }
}

/// A specification of such terms, which have each index once, and of a result, whose indices are in some term.
#[derive(Clone, Debug)]
pub(super) struct NumberedSpec {
    pub(super) terms: Vec<Term>,
    pub(super) result: Term,
}

impl AttributeValue for NumberedSpec {
    const KIND: &'static str = "specification of letters and numbers, each once in a term";

    fn into_attribute(self) -> Attribute {
        numbered(&self.terms, &self.result).into_attribute()
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        let Attribute::Text(text) = attribute else { return None };
        let read = |text: &str| {
            let NumberedTerm(term) = NumberedTerm::read(text)?;
            (distinct(&term).len() == term.len()).then_some(term)
        };
        let (terms, result) = text.split_once("->")?;
        let terms: Vec<Term> = terms.split(',').map(read).collect::<Option<_>>()?;
        let result = read(result)?;
        let is_named = result.iter().all(|index| terms.iter().any(|term| term.contains(index)));
        is_named.then_some(NumberedSpec { terms, result })
    }
}

/// The same with numbers for the axes under ellipses.
pub(super) fn numbered(terms: &[Term], result: &[Index]) -> String {
    let text = written(terms, result, |term| Some(NumberedTerm(term.to_vec()).to_string()));
    text.unwrap_or_default()
}

fn written(terms: &[Term], result: &[Index], text: impl Fn(&[Index]) -> Option<String>) -> Option<String> {
    let terms = terms.iter().map(|term| text(term)).collect::<Option<Vec<_>>>()?;
    Some(format!("{}->{}", terms.join(","), text(result)?))
}

/// The length of each index, as far as it is known.
pub(super) type Lengths = BTreeMap<Index, Option<usize>>;

/// The lengths that indices have in tensors of these shapes, each of as many axes as its term has indices.
pub(super) fn lengths(terms: &[Term], shapes: &[&Shape]) -> Result<Lengths, SpecFault> {
    let mut lengths = Lengths::new();
    for (term, shape) in terms.iter().zip(shapes) {
        for (&index, &length) in term.iter().zip(shape.dims()) {
            let known = lengths.entry(index).or_insert(if index.is_ellipsis() { Some(1) } else { None });
            *known = match (index, *known, length) {
                (Index::Ellipsis(_), Some(1), other) | (Index::Ellipsis(_), other, Some(1)) => other,
                (Index::Letter(index), Some(left), Some(right)) if left != right => {
                    return Err(SpecFault::Lengths { index, left, right });
                }
                (Index::Ellipsis(_), Some(left), Some(right)) if left != right => {
                    return Err(SpecFault::EllipsisLengths { left, right });
                }
                (_, known, length) => known.or(length),
            };
        }
    }
    Ok(lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also the numbers of many axes, which would run into each other.
    #[test]
    fn numbered_terms_are_read_as_they_are_written() {
        let [i, j] = ['i', 'j'].map(Index::Letter);
        let under = |place| Index::Ellipsis(place);
        for term in [vec![], vec![i, j, i], vec![under(11), i, under(1), under(0)], vec![under(10), under(9)]]
        {
            let written = NumberedTerm(term);
            assert_eq!(NumberedTerm::from_attribute(&written.clone().into_attribute()), Some(written));
        }
        for text in ["00", "(", "(1", "()", "(70000)", "(-1)", "i j", "é", "0(0)"] {
            assert_eq!(NumberedTerm::read(text), None, "{text}");
        }
    }

    #[test]
    fn numbered_specifications_that_say_no_sum_are_refused() {
        let read = |text: &'static str| NumberedSpec::from_attribute(&text.into_attribute());
        assert!(read("0i,i1->0").is_some() && read("->").is_some());
        for text in ["", "i", "ii->i", "i->ii", "i->j", "i->0", "i->i->i", "i..->i"] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
