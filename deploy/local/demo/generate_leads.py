"""``python deploy/local/demo/generate_leads.py``: the leads that `make demo` imports.

Made up, from fixed lists and a fixed seed: Chinese and English names, duplicates and bad rows.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

ROWS, SEED = 240, 20261123
FAMILY = ["王", "李", "张", "刘", "陈", "杨", "黄", "赵", "周", "吴"]
GIVEN = [
    "伟",
    "芳",
    "娜",
    "敏",
    "静",
    "丽",
    "强",
    "磊",
    "洋",
    "艳",
    "勇",
    "军",
    "杰",
    "娟",
    "涛",
    "明",
    "超",
    "秀英",
    "建国",
    "晓红",
]
FIRST = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Frances", "Ken", "Margaret", "Tim"]
LAST = [
    "Lovelace",
    "Hopper",
    "Turing",
    "Dijkstra",
    "Liskov",
    "Knuth",
    "Allen",
    "Thompson",
    "Hamilton",
    "Lee",
]
TOWNS = ["星海", "云帆", "远山", "晨光", "青松", "江南", "北辰", "南湖"]
TRADES = ["科技", "制造", "物流", "医疗", "能源", "教育"]
NEEDS = ["产线数据采集", "仓库改造", "Replace our CRM", "Connect 200 sensors", "客户门户", ""]
CHANNELS = ["官网", "展会", "社交媒体", "邮件", "广告"]
CAMPAIGNS = ["广交会 2026", "双十一", "Hannover Messe", "公众号", ""]


def main() -> None:
    dice = random.Random(SEED)  # noqa: S311 - made-up data, the same every time
    rows: list[list[str]] = []
    for n in range(ROWS):
        if dice.random() < 0.6:
            name = dice.choice(FAMILY) + dice.choice(GIVEN)
            company = dice.choice(TOWNS) + dice.choice(TRADES) + "有限公司"
        else:
            name = f"{dice.choice(FIRST)} {dice.choice(LAST)}"
            company = f"{dice.choice(LAST)} {dice.choice(['Systems', 'Works', 'Labs'])} Ltd."
        phone = f"13{dice.randint(0, 9)} {dice.randint(1000, 9999)} {dice.randint(1000, 9999)}"
        day = f"2026-{dice.randint(1, 10):02d}-{dice.randint(1, 28):02d}"
        rows.append(
            [
                name,
                company,
                f"buyer{n}@{['example.cn', 'example.com'][n % 2]}",
                phone,
                dice.choice(CHANNELS),
                dice.choice(CAMPAIGNS),
                dice.choice(NEEDS),
                day,
            ]
        )
    for n in range(12):  # the same people again, written a little differently
        again = list(rows[n * 7])
        again[2] = again[2].upper() + " "
        rows.append(again)
    rows.append(["", "无名公司", "nobody@example.cn", "", "官网", "", "", "2026-05-01"])
    rows.append(["坏邮箱", "某公司", "not an address", "", "官网", "", "", "2026-05-02"])
    rows.append(["坏电话", "某公司", "", "12", "展会", "", "", "2026-05-03"])
    rows.append(["坏日期", "某公司", "d@example.cn", "", "展会", "", "", "31.02.2026"])
    rows.append(["少一列", "某公司", "e@example.cn"])
    rows.append(["来自未来", "某公司", "f@example.cn", "", "广告", "", "", "2099-01-01"])
    with Path(__file__).with_name("leads.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["姓名", "公司", "邮箱", "电话", "渠道", "活动", "需求", "日期"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
