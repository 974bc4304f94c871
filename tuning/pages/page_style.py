"""How the page looks: light, dark, narrow, and on paper."""

from rnnzoo.tuning.pages.drawing import PAINTS

__all__ = ["STYLE"]

_LIGHT = "; ".join(f"--{name}: {paint}" for name, paint in PAINTS.items())
_DARK = (
    "--ink: #e7eaee; --muted: #a3acb8; --grid: #333a44; --paper: #15181d; --line-0: #4fb0ee; --line-1: #ff8b45; "
    "--line-2: #2fc496; --line-3: #e08fc0; --line-4: #e0b13a; --line-5: #9ad0f5"
)

STYLE = f"""
:root {{ color-scheme: light dark; {_LIGHT}; --card: #f3f5f8; --shade: 0, 114, 178; --reach: 0.55 }}
@media screen and (prefers-color-scheme: dark) {{
  :root {{ {_DARK}; --card: #1e232a; --shade: 79, 176, 238; --reach: 0.6 }}
}}
* {{ box-sizing: border-box }}
body {{ margin: 0 auto; max-width: 54rem; padding: 1.5rem 1rem 3rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif }}
h1 {{ font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; overflow-wrap: anywhere }}
h2 {{ font-size: 1.25rem; line-height: 1.3; margin: 2.4rem 0 .6rem; overflow-wrap: anywhere }}
h3 {{ font-size: 1.02rem; line-height: 1.35; margin: 1.6rem 0 .3rem; overflow-wrap: anywhere }}
p {{ margin: .4rem 0 }}
.muted {{ color: var(--muted); font-size: .92rem }}
.verdict {{ background: var(--card); border-left: .35rem solid var(--muted); border-radius: .4rem;
  padding: .8rem 1rem; margin: 1rem 0 }}
.verdict.ill {{ border-left-color: var(--line-1) }}
.verdict.well {{ border-left-color: var(--line-2) }}
.verdict h2 {{ margin: 0 0 .2rem }}
ol {{ padding-left: 1.4rem; margin: .5rem 0 }}
li {{ margin: .55rem 0 }}
code {{ font: .86rem/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace }}
pre {{ background: var(--paper); border: 1px solid var(--grid); border-radius: .3rem; padding: .4rem .6rem;
  margin: .3rem 0; white-space: pre-wrap; overflow-wrap: anywhere }}
.scroll {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; width: 100% }}
th, td {{ text-align: right; padding: .3rem .55rem; border-bottom: 1px solid var(--grid); vertical-align: top }}
th:first-child, td:first-child, th.text, td.text {{ text-align: left }}
thead th {{ color: var(--muted); font-weight: 600 }}
figure {{ margin: 1.4rem 0; break-inside: avoid }}
figcaption {{ margin-bottom: .4rem }}
figcaption strong {{ display: block }}
svg {{ display: block; width: 100%; height: auto }}
svg text {{ font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif !important }}
svg.narrow {{ display: none }}
.sentence {{ line-height: 2.1; font-size: 1.08rem }}
.sentence span {{ background: rgba(var(--shade), calc(var(--moved) * var(--reach))); border-radius: .25rem;
  padding: .12rem .28rem; -webkit-print-color-adjust: exact; print-color-adjust: exact }}
.sentence b {{ border: 2px solid var(--line-1); border-radius: .25rem; padding: .08rem .3rem }}
@media screen and (max-width: 40rem) {{
  svg.wide {{ display: none }}
  svg.narrow {{ display: block }}
  th, td {{ padding: .3rem .35rem }}
}}
@media print {{
  body {{ max-width: none; padding: 0; font-size: 10pt }}
  .verdict, tr, li, pre {{ break-inside: avoid }}
  h2, h3, figcaption {{ break-after: avoid }}
  svg {{ max-height: 22cm }}
}}
"""
