"""Emoji by the names that services give them (``:tada:``, ntfy's tags), as far as programs use them; others stay as written."""

import re
from typing import Final

EMOJI: Final = {
    "+1": "👍", "thumbsup": "👍", "-1": "👎", "thumbsdown": "👎", "tada": "🎉", "partying_face": "🥳", "rocket": "🚀",
    "fire": "🔥", "boom": "💥", "bug": "🐛", "warning": "⚠️", "rotating_light": "🚨", "no_entry": "⛔",
    "no_entry_sign": "🚫", "x": "❌", "heavy_check_mark": "✔️", "white_check_mark": "✅", "ballot_box_with_check": "☑️",
    "heavy_exclamation_mark": "❗", "exclamation": "❗", "question": "❓", "bangbang": "‼️", "red_circle": "🔴",
    "large_orange_circle": "🟠", "orange_circle": "🟠", "yellow_circle": "🟡", "large_yellow_circle": "🟡",
    "green_circle": "🟢", "large_green_circle": "🟢", "large_blue_circle": "🔵", "blue_circle": "🔵", "white_circle": "⚪",
    "black_circle": "⚫", "green_heart": "💚", "heart": "❤️", "broken_heart": "💔", "eyes": "👀", "wave": "👋", "clap": "👏",
    "pray": "🙏", "muscle": "💪", "point_right": "👉", "point_left": "👈", "point_up": "☝️", "point_down": "👇",
    "smile": "😄", "smiley": "😃", "grinning": "😀", "grin": "😁", "joy": "😂", "wink": "😉", "blush": "😊", "sunglasses": "😎",
    "thinking": "🤔", "thinking_face": "🤔", "cry": "😢", "sob": "😭", "scream": "😱", "angry": "😠", "rage": "😡",
    "sweat_smile": "😅", "disappointed": "😞", "neutral_face": "😐", "skull": "💀", "ghost": "👻", "robot": "🤖",
    "robot_face": "🤖", "package": "📦", "gift": "🎁", "bell": "🔔", "no_bell": "🔕", "loudspeaker": "📢", "mega": "📣",
    "email": "✉️", "envelope": "✉️", "memo": "📝", "pencil": "📝", "pencil2": "✏️", "book": "📖", "bookmark": "🔖",
    "label": "🏷️", "link": "🔗", "lock": "🔒", "unlock": "🔓", "key": "🔑", "closed_lock_with_key": "🔐", "mag": "🔍",
    "wrench": "🔧", "hammer": "🔨", "hammer_and_wrench": "🛠️", "gear": "⚙️", "construction": "🚧", "hourglass": "⌛",
    "hourglass_flowing_sand": "⏳", "alarm_clock": "⏰", "stopwatch": "⏱️", "calendar": "📅", "date": "📅",
    "chart_with_upwards_trend": "📈", "chart_with_downwards_trend": "📉", "bar_chart": "📊", "computer": "💻",
    "desktop_computer": "🖥️", "floppy_disk": "💾", "cd": "💿", "battery": "🔋", "electric_plug": "🔌", "bulb": "💡",
    "zap": "⚡", "cloud": "☁️", "sunny": "☀️", "snowflake": "❄️", "umbrella": "☔", "star": "⭐", "star2": "🌟", "sparkles": "✨",
    "100": "💯", "trophy": "🏆", "medal": "🏅", "beers": "🍻", "coffee": "☕", "house": "🏠", "car": "🚗", "ship": "🚢",
    "anchor": "⚓", "airplane": "✈️", "truck": "🚚", "bike": "🚲", "recycle": "♻️", "arrow_up": "⬆️", "arrow_down": "⬇️",
    "arrow_right": "➡️", "arrow_left": "⬅️", "repeat": "🔁", "back": "🔙", "soon": "🔜", "new": "🆕", "ok": "🆗", "sos": "🆘",
    "information_source": "ℹ️", "art": "🎨", "lipstick": "💄", "pushpin": "📌", "round_pushpin": "📍", "paperclip": "📎",
    "scissors": "✂️", "wastebasket": "🗑️", "triangular_flag_on_post": "🚩", "checkered_flag": "🏁", "white_flag": "🏳️",
    "moneybag": "💰", "dollar": "💵", "credit_card": "💳", "phone": "☎️", "iphone": "📱", "camera": "📷", "tv": "📺", "bomb": "💣",
    "see_no_evil": "🙈", "hear_no_evil": "🙉", "speak_no_evil": "🙊", "facepalm": "🤦", "shrug": "🤷", "raised_hands": "🙌",
    "ok_hand": "👌", "handshake": "🤝", "snail": "🐌", "turtle": "🐢", "whale": "🐳", "penguin": "🐧", "cat": "🐱", "dog": "🐶",
    "seedling": "🌱", "evergreen_tree": "🌲", "earth_africa": "🌍", "globe_with_meridians": "🌐", "crossed_fingers": "🤞",
    "small_red_triangle": "🔺", "small_red_triangle_down": "🔻", "heavy_plus_sign": "➕", "heavy_minus_sign": "➖",
}  # fmt: skip

_SHORTCODE: Final = re.compile(r":([a-z0-9_+-]{1,40}):")


def with_emoji(words: str) -> str:
    """Return words with emoji in the place of the shortcodes that are known."""
    if ":" not in words:
        return words
    return _SHORTCODE.sub(lambda found: EMOJI.get(found[1], found[0]), words)
