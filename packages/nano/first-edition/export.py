"""Write a checkpoint as a Hugging Face folder (F32) and as a GGUF file (Q8_0).

    python export.py CHECKPOINT TOKENIZER_FOLDER OUT_FOLDER

gives OUT_FOLDER/hf/ and OUT_FOLDER/nano-q8_0.gguf, and checks that transformers computes the
same logits from the folder as the training code does from the checkpoint.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import gguf
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from dataset import render_prompt
from generator import train_sample
from model import Config, Nano
from tokenizer import ADDED, SPECIAL

NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
DESCRIPTION = (
    "laju's bundled model, first edition: the four operations and comparisons on small whole numbers, "
    "in English and Indonesian, with the steps written out as a thought."
)


def gguf_name(name: str) -> str:
    if name in ("embed_tokens.weight", "norm.weight"):
        return {"embed_tokens.weight": "token_embd.weight", "norm.weight": "output_norm.weight"}[name]
    _, layer, rest = name.split(".", 2)
    return f"blk.{layer}.{NAMES[rest.removesuffix('.weight')]}.weight"


def hf_config(config: Config, tokenizer: Tokenizer) -> dict[str, object]:
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": None,
        "dtype": "float32",
        "eos_token_id": tokenizer.token_to_id("<|im_end|>"),
        "hidden_act": "silu",
        "initializer_range": 0.02,
        "max_window_layers": config.num_hidden_layers,
        "model_type": "qwen3",
        "pad_token_id": tokenizer.token_to_id("<|endoftext|>"),
        "rope_scaling": None,
        "sliding_window": None,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "use_cache": True,
        "use_sliding_window": False,
        **config.as_dict(),
    }


def write_hf(weights: dict[str, Tensor], config: Config, tokenizer_folder: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(str(tokenizer_folder / "tokenizer.json"))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if folder != tokenizer_folder:
            shutil.copy(tokenizer_folder / name, folder / name)
    write_json(folder / "config.json", hf_config(config, tokenizer))
    ends = [tokenizer.token_to_id(t) for t in ("<|im_end|>", "<|endoftext|>")]
    write_json(folder / "generation_config.json", {"do_sample": False, "eos_token_id": ends, "pad_token_id": ends[1]})
    save_file({f"model.{k}": v.contiguous() for k, v in weights.items()}, folder / "model.safetensors", {"format": "pt"})


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_gguf(weights: dict[str, Tensor], config: Config, tokenizer_folder: Path, path: Path) -> None:
    writer = gguf.GGUFWriter(path, "qwen3")
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name("nano")
    writer.add_version("first edition")
    writer.add_description(DESCRIPTION)
    writer.add_license("apache-2.0")
    writer.add_languages(["en", "id"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_sampling_temp(0.0)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    add_tokenizer(writer, tokenizer_folder)
    for name, tensor in weights.items():
        data = tensor.float().numpy()
        if data.ndim == 2:
            quantised = gguf.quants.quantize(data, gguf.GGMLQuantizationType.Q8_0)
            writer.add_tensor(gguf_name(name), quantised, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(gguf_name(name), data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_tokenizer(writer: gguf.GGUFWriter, folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    types = [
        gguf.TokenType.CONTROL if t in SPECIAL else gguf.TokenType.USER_DEFINED if t in ADDED else gguf.TokenType.NORMAL
        for t in tokens
    ]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in model["merges"]])
    end, pad = tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|endoftext|>")
    writer.add_bos_token_id(pad)  # as Qwen's own files have it; add_bos_token below keeps it unused
    writer.add_eos_token_id(end)
    writer.add_eot_token_id(end)
    writer.add_pad_token_id(pad)
    writer.add_add_bos_token(False)
    writer.add_chat_template(json.loads((folder / "tokenizer_config.json").read_text())["chat_template"])


@torch.no_grad()
def largest_difference(model: Nano, folder: Path) -> float:
    """Between the logits of this model and those of transformers on some training prompts."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    worst = 0.0
    for index in range(20):
        ids = torch.tensor([tokenizer.encode(render_prompt(train_sample(5, 0, index)))])
        worst = max(worst, (model.logits(model(ids)[0]) - theirs(ids).logits).abs().max().item())
    return worst


def main() -> None:
    checkpoint, tokenizer_folder, out = (Path(a) for a in sys.argv[1:4])
    torch.set_num_threads(1)
    state = torch.load(checkpoint, weights_only=True)
    config, weights = Config(**state["config"]), state["model"]
    model = Nano(config)
    model.load_state_dict(weights)
    write_hf(weights, config, tokenizer_folder, out / "hf")
    write_gguf(weights, config, tokenizer_folder, out / "nano-q8_0.gguf")
    difference = largest_difference(model.eval(), out / "hf")
    print(f"step {state['step']}: largest logit difference to transformers {difference:.2e}")
    assert difference < 1e-3


if __name__ == "__main__":
    main()
