"""The colours and letters of drawings."""

STYLE = """
text { font: 13px ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2933 }
.what { font-weight: 600 }
.code { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 12px }
.name { fill: #2f6fb2 }
.detail { font-size: 11px; text-anchor: middle; fill: #5b6774 }
.heading { font-weight: 600; fill: #6b7785 }
.label { font-size: 10.5px; fill: #6b7785 }
.label { paint-order: stroke; stroke: #f8fafb; stroke-width: 4px }
.line { fill: none; stroke: #8a95a1; stroke-width: 1.4 }
.tip { fill: #8a95a1 }
rect { fill: #ffffff; stroke: #a7b1bc; stroke-width: 1.2 }
.panel { fill: #f8fafb; stroke: #dde3e9 }
.input { fill: #e3f3e8; stroke: #3c9a5f }
.output { fill: #fdebdc; stroke: #d9772b }
.block { fill: #e8eefb; stroke: #5b7fd0 }
.expr { fill: #f3ecfb; stroke: #9068c6 }
.reuse { stroke-dasharray: 4 3 }
.model, .group { fill: #eef2f5; stroke: #a7b1bc; stroke-dasharray: 6 3 }
@media (prefers-color-scheme: dark) {
text { fill: #e4e9ee }
.name { fill: #7fb7ee }
.detail { fill: #a3afbb }
.heading { fill: #93a0ad }
.label { fill: #a3afbb; stroke: #161b21 }
.line { stroke: #7c8894 }
.tip { fill: #7c8894 }
rect { fill: #232a32; stroke: #5a6672 }
.panel { fill: #161b21; stroke: #2c343d }
.input { fill: #16331f; stroke: #4fb074 }
.output { fill: #43270f; stroke: #e08c48 }
.block { fill: #1f2b47; stroke: #6b8de0 }
.expr { fill: #2e2340; stroke: #a883dd }
.model, .group { fill: #1b2128; stroke: #5a6672 }
}
"""
