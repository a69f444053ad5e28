"""A configuration with 1,000 more rules: made-up providers, each with a prefix of its own, in the proportions in which real
rules come: most a token with a prefix, some a whole expression, some a value that only its name gives away."""
import sys

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def name(n):
    """Five letters, different for each n, spread over the alphabet."""
    n = (n * 7919 + 104729) % 26**5
    letters = ""
    for _ in range(5):
        n, letter = divmod(n, 26)
        letters += LETTERS[letter]
    return letters


def rule(n):
    word = name(n)
    prefix = [f"{word}_", f"{word[:4]}-live-", f"{word[:3].upper()}{n}."][n % 3]
    if n % 10 < 7:
        form = f"token = '{prefix.replace('.', chr(92) + '.')}[A-Za-z0-9]{{{24 + n % 17}}}'\nanchors = [\"{prefix}\"]"
        sample = f"x = {prefix.replace('.', chr(92) + '.')}[A-Za-z0-9]{{{24 + n % 17}}}"
    elif n % 10 < 9:
        form = f"assigned = '[a-f0-9]{{32}}'\nanchors = [\"{word}_key\", \"{word}key\"]"
        sample = f"{word}_key = \"[a-f0-9]{{32}}\""
    else:
        form = f"regex = '{word}://[a-z]{{3,12}}:(?P<secret>[A-Za-z0-9]{{16,40}})@'\nanchors = [\"{word}://\"]"
        sample = f"{word}://abc:[A-Za-z0-9]{{20}}@"
    return f"""[[rule]]
id = "{word}-token"
name = "{word.title()} token"
provider = "{word.title()}"
severity = "high"
confidence = "high"
why = "Made up."
fix = "Nothing."
link = "https://{word}.example"
{form}
examples.match = ['{sample}']
examples.no_match = ['nothing']
"""


def write(path, rules=1000):
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(rule(n) for n in range(rules)))


if __name__ == "__main__":
    write(sys.argv[1])
