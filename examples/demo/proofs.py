"""The shop takes home the proof of what it was offered and billed: files that anybody can check by themselves."""

from typing import Any

from processes import Firm, until

from weft.engine.pricelog import evidence


async def take(world: Any, buyer: Firm, papers: dict[str, tuple[str, str]]) -> dict[str, int]:
    """Write each of ``papers`` (name -> thread, document) into ``exports`` once its price is proven; their levels."""
    folder, levels = world.folder / "exports", {}
    folder.mkdir(exist_ok=True)
    for name, (thread, document) in papers.items():
        async def proven(thread: str = thread, document: str = document) -> Any:
            file = (await buyer.view("price-evidence", thread=thread, document=document))["file"]
            verdict = evidence.verify_file(file.encode()).verdict
            return verdict.follows and (file, verdict.level)

        file, levels[name] = await until(proven, f"a proven price in {name}.json", pause=0.3)
        (folder / f"{name}.json").write_text(file, encoding="utf-8")
    return levels
