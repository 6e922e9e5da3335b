import { Icon } from "../../parts/icon.tsx";

/** Saves what is shown as a file: one JSON object a line. */
export function DownloadButton({ name, items }: { readonly name: string; readonly items: readonly unknown[] }) {
  const save = () => {
    const link = document.createElement("a");
    const address = URL.createObjectURL(
      new Blob(
        items.map((item) => `${JSON.stringify(item)}\n`),
        { type: "application/x-ndjson" },
      ),
    );
    link.href = address;
    link.download = `${name}-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.jsonl`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  };
  return (
    <button type="button" disabled={items.length === 0} onClick={save}>
      <Icon name="download" /> Download
    </button>
  );
}
