"""How much a word reads like one in the languages that an encoding is used for.

Single bytes: the letters of one alphabet, no capital behind a small letter, no symbol within. Many
bytes: the share of characters in everyday use, none beside a small Latin letter.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WESTERN = (
    "äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúü", "áâãàçéêíóôõúü", "àèéìîòóù", "åäöéü", "æøåéü",
    "áðéíóúýþæö", "áéëïíóöüè", "àçèéíïòóúü",
)  # fmt: skip
_CENTRAL = (
    "ąćęłńóśźż", "áčďéěíňóřšťúůýžö", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîșşțţ", "čćđšž",
    "äöüß", "çë",
)  # fmt: skip
_TURKISH = ("çğıöşüâîû",)
_BALTIC = ("ąčęėįšųūž", "āčēģīķļņšūž", "äöõüšž")
_CYRILLIC = ("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
             "абвгдђежзијклљмнњопрстћуфхцчџш", "абвгдеёжзійклмнопрстуўфхцчшыьэюя")  # fmt: skip
_GREEK = ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",)
_ACCENTED = set("άέήίόύώΐΰ")
"""Of Greek; every word of two syllables or more has one."""
_HEBREW = ("אבגדהוזחטיךכלםמןנסעףפץצקרשת",)
_ARABIC = ("ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژگک",)
_THAI = ("".join(map(chr, range(0x0E01, 0x0E4F))),)

_ALPHABETS = {
    "cp1252": _WESTERN, "cp1250": _CENTRAL, "iso8859-2": _CENTRAL, "cp1254": _TURKISH,
    "cp1257": _BALTIC, "cp1251": _CYRILLIC, "koi8-u": _CYRILLIC, "cp866": _CYRILLIC,
    "cp1253": _GREEK, "cp1255": _HEBREW, "cp1256": _ARABIC, "cp874": _THAI,
    "mac-roman": _WESTERN, "cp850": _WESTERN, "cp852": _CENTRAL,
}  # fmt: skip
_LATIN = {*_WESTERN, *_CENTRAL, *_TURKISH, *_BALTIC}
_CHARACTER_SETS = {"gb18030": ("gb2312", 0xD8), "cp950": ("big5", 0xC7), "cp949": ("euc_kr", 0xC9),
                   "cp932": ("euc_jp", 0xD0), "euc_jp": ("euc_jp", 0xD0)}  # fmt: skip
"""Encoding → its standard character set, and the first byte from which that has rare characters."""
ENCODINGS = ("utf-8", *_CHARACTER_SETS, *_ALPHABETS)

_EDGES = "“”„‘’‚«»‹›–—…€£¥¢§°№®™©•·¡¿ºª±²³½¼¾×µ'\u00a0"
_CJK_SIGNS = re.compile("[\u3000-\u303f\uff01-\uff5e\u2018-\u201d\u2014\u2026\u00b7\u30fb\u30fc]")
_KANA = re.compile("[\u3041-\u30fa]")
_HANJA = re.compile("[\u4e00-\u9fff]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_RARE = 0.3
"""Of the second level of GB 2312, which has many given names."""


def score(word: str, encoding: str) -> float:
    """1: a word of a language; 0: of none; -1: against the rules of all of them."""
    if any(unicodedata.category(c) in ("Cc", "Cn", "Co", "Cs") for c in word):
        return -1.0
    if encoding == "utf-8":
        return _in_any_script(word)
    if encoding in _CHARACTER_SETS:
        return _in_ideographs(word, encoding)
    core = word.strip(_EDGES)
    if core and not _well_formed(core):
        return -1.0
    return float(any(_in_alphabet(core, alphabet) for alphabet in _ALPHABETS[encoding]))


def _well_formed(core: str) -> bool:
    """Whether letters alone make the word, begin it, and are capitals all or first or never."""
    capitals = [n for n, letter in enumerate(core) if letter.isupper()]
    cased = sum(letter.lower() != letter.upper() for letter in core)
    marks = [unicodedata.category(letter)[0] for letter in core if letter not in "’'"]
    return (
        set(marks) <= {"L", "M"}
        and marks[0] == "L"
        and (capitals in ([], [0]) or len(capitals) == cased)
    )


def _in_alphabet(core: str, alphabet: str) -> bool:
    letters = set(core.replace("İ", "i").lower()) - set("’'")
    ascii_letters = {letter for letter in letters if letter.isascii()}
    if alphabet in _GREEK and len(core) > 2 and not core.isupper() and not letters & _ACCENTED:
        return False
    return letters - ascii_letters <= set(alphabet) and (alphabet in _LATIN or not ascii_letters)


def _in_ideographs(word: str, encoding: str) -> float:
    """A small Latin letter beside a character of two bytes is an accident: ``M黮ler``."""
    if re.search(r"[a-z][^\x00-\x7f]|[^\x00-\x7f][a-z]", word):
        return -1.0
    if encoding == "cp949" and _HANGUL.search(word) and _HANJA.search(word):
        return -1.0
    beyond = [_everyday(character, encoding) for character in word if character > "\x7f"]
    return sum(beyond) / len(beyond)


@lru_cache(maxsize=65_536)
def _everyday(character: str, encoding: str) -> float:
    if _CJK_SIGNS.match(character):
        return 1.0
    if _KANA.match(character):
        return 1.0 if encoding in ("cp932", "euc_jp") else _RARE
    if encoding == "cp949" and not _HANGUL.match(character):
        return 0.1
    charset, rare_from = _CHARACTER_SETS[encoding]
    encoded = character.encode(charset, "ignore")
    if len(encoded) != 2 or encoded[0] < 0xA4:
        return 0.0
    if encoding in ("gb18030", "cp932", "euc_jp", "cp949") and encoded[0] < 0xB0:
        return 0.1  # Greek, Cyrillic, frames of tables
    return 1.0 if encoded[0] < rare_from else _RARE if encoding == "gb18030" else 0.1


def _in_any_script(word: str) -> float:
    """Valid UTF-8 is rarely an accident: the letters need only be of one script."""
    scripts = {
        unicodedata.name(c, "?").split()[0].split("-")[0]
        for c in word.strip(_EDGES)
        if c.isalpha() and not _CJK_SIGNS.match(c)
    }
    if scripts & {"CJK", "HIRAGANA", "KATAKANA", "HANGUL"}:
        scripts -= {"LATIN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL"}
        everyday = [c for c in word if any(_everyday(c, e) == 1.0 for e in _CHARACTER_SETS)]
        return len(everyday) / len(word) if not scripts else 0.0
    return float(len(scripts) == 1)
