package dev.darkroom.weights;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Recognises what people mistake for safetensors, by the first bytes. */
final class OtherFormat {
    private OtherFormat() {}

    /** A remark for the error message about a file that begins with these bytes; empty when they say nothing. */
    static String hint(ByteBuffer start) {
        String text = StandardCharsets.ISO_8859_1
                .decode(start.slice(0, start.limit()))
                .toString();
        if (text.startsWith("PK\u0003\u0004") || text.startsWith("\u0080\u0002")) {
            return " (it looks like a PyTorch pickle, as .ckpt, .pt and .bin files are)";
        }
        if (text.startsWith("GGUF")) {
            return " (it looks like a GGUF file)";
        }
        if (text.startsWith("version ")) {
            return " (it looks like a Git LFS pointer: the file itself was not downloaded)";
        }
        if (text.startsWith("<")) {
            return " (it looks like a web page)";
        }
        return "";
    }
}
