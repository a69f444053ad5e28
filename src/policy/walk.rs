//! Walks over a policy's syntax tree.

use regorus::unstable::{Expr, Literal, Query, Rule, RuleHead, Span};

/// Calls `see` for an expression and everything in it, queries included, from the outside in.
pub(super) fn expression<'e>(expr: &'e Expr, see: &mut dyn FnMut(&'e Expr)) {
    see(expr);
    for child in children(expr) {
        expression(child, see);
    }
    if let Some(query) = own_query(expr) {
        self::query(query, see);
    }
}

/// The query of a comprehension.
pub(super) fn own_query(expr: &Expr) -> Option<&Query> {
    match expr {
        Expr::ArrayCompr { query, .. } | Expr::SetCompr { query, .. } | Expr::ObjectCompr { query, .. } => Some(query),
        _ => None,
    }
}

/// Direct parts, without the query of a comprehension and without the name of a called function.
pub(super) fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().map(|item| &**item).collect(),
        Expr::Object { fields, .. } => fields.iter().flat_map(|(_, key, value)| [&**key, &**value]).collect(),
        Expr::ArrayCompr { term, .. } | Expr::SetCompr { term, .. } => vec![term],
        Expr::ObjectCompr { key, value, .. } => vec![key, value],
        Expr::Call { params, .. } => params.iter().map(|param| &**param).collect(),
        Expr::UnaryExpr { expr, .. } => vec![expr],
        Expr::RefDot { refr, .. } => vec![refr],
        Expr::RefBrack { refr, index, .. } => vec![refr, index],
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => vec![lhs, rhs],
        Expr::Membership { key, value, collection, .. } => {
            key.iter().map(|key| &**key).chain([&**value, &**collection]).collect()
        }
        _ => Vec::new(),
    }
}

/// Calls `see` for every expression of a query.
pub(super) fn query<'e>(query: &'e Query, see: &mut dyn FnMut(&'e Expr)) {
    for statement in &query.stmts {
        for expr in parts(&statement.literal) {
            expression(expr, see);
        }
        if let Literal::Every { query, .. } = &statement.literal {
            self::query(query, see);
        }
        for modifier in &statement.with_mods {
            expression(&modifier.refr, see);
            expression(&modifier.r#as, see);
        }
    }
}

/// The expressions of a literal, without an `every`'s query.
pub(super) fn parts(literal: &Literal) -> Vec<&Expr> {
    match literal {
        Literal::SomeVars { .. } => Vec::new(),
        Literal::SomeIn { key, value, collection, .. } => {
            key.iter().map(|key| &**key).chain([&**value, &**collection]).collect()
        }
        Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => vec![expr],
        Literal::Every { domain, .. } => vec![domain],
    }
}

/// Calls `see` for every expression of a rule, its head included.
pub(super) fn rule<'e>(rule: &'e Rule, see: &mut dyn FnMut(&'e Expr)) {
    match rule {
        Rule::Default { refr, args, value, .. } => {
            expression(refr, see);
            args.iter().for_each(|arg| expression(arg, see));
            expression(value, see);
        }
        Rule::Spec { head, bodies, .. } => {
            head_expressions(head).into_iter().for_each(|expr| expression(expr, see));
            for body in bodies {
                if let Some(assign) = &body.assign {
                    expression(&assign.value, see);
                }
                query(&body.query, see);
            }
        }
    }
}

/// Name, arguments, key and value.
pub(super) fn head_expressions(head: &RuleHead) -> Vec<&Expr> {
    match head {
        RuleHead::Compr { refr, assign, .. } => {
            std::iter::once(&**refr).chain(assign.iter().map(|assign| &*assign.value)).collect()
        }
        RuleHead::Set { refr, key, .. } => std::iter::once(&**refr).chain(key.iter().map(|key| &**key)).collect(),
        RuleHead::Func { refr, args, assign, .. } => std::iter::once(&**refr)
            .chain(args.iter().map(|arg| &**arg))
            .chain(assign.iter().map(|assign| &*assign.value))
            .collect(),
    }
}

/// The expression that names a rule.
pub(super) fn rule_name(rule: &Rule) -> &Expr {
    match rule {
        Rule::Default { refr, .. } => refr,
        Rule::Spec { head, .. } => match head {
            RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. } => refr,
        },
    }
}

/// Where an expression stands.
pub(super) fn span(expr: &Expr) -> &Span {
    match expr {
        Expr::String { span, .. }
        | Expr::RawString { span, .. }
        | Expr::Number { span, .. }
        | Expr::Bool { span, .. }
        | Expr::Null { span, .. }
        | Expr::Var { span, .. }
        | Expr::Array { span, .. }
        | Expr::Set { span, .. }
        | Expr::Object { span, .. }
        | Expr::ArrayCompr { span, .. }
        | Expr::SetCompr { span, .. }
        | Expr::ObjectCompr { span, .. }
        | Expr::Call { span, .. }
        | Expr::UnaryExpr { span, .. }
        | Expr::RefDot { span, .. }
        | Expr::RefBrack { span, .. }
        | Expr::BinExpr { span, .. }
        | Expr::BoolExpr { span, .. }
        | Expr::ArithExpr { span, .. }
        | Expr::AssignExpr { span, .. }
        | Expr::Membership { span, .. } => span,
    }
}

/// The constant parts that a reference begins with: `data.a["b"].c[i]` is `data`, `a`, `b`, `c`. Empty for no reference.
pub(super) fn constant(expr: &Expr) -> Vec<String> {
    let mut parts = Vec::new();
    let mut whole = Vec::new();
    let mut at = expr;
    loop {
        match at {
            Expr::Var { span, .. } => {
                whole.push(Some(span.text().to_owned()));
                break;
            }
            Expr::RefDot { refr, field, .. } => {
                whole.push(Some(field.0.text().trim_matches('"').to_owned()));
                at = refr;
            }
            Expr::RefBrack { refr, index, .. } => {
                whole.push(match &**index {
                    Expr::String { value, .. } => value.as_string().ok().map(|text| text.to_string()),
                    _ => None,
                });
                at = refr;
            }
            _ => return parts,
        }
    }
    parts.extend(whole.into_iter().rev().map_while(|part| part));
    parts
}
