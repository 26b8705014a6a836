package dev.darkroom.prompt;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Networks that a prompt names beside its text: {@code <lora:name:0.8>}.
 *
 * @param prompt   the prompt without them
 * @param networks what was named, in its order
 */
public record ExtraNetworks(String prompt, List<Named> networks) {
    /**
     * One of them.
     *
     * @param kind      before the first colon: lora
     * @param arguments after it, separated by colons: for a LoRA its name and its weight
     */
    public record Named(String kind, List<String> arguments) {
        @Override
        public String toString() {
            return "<" + kind + ":" + String.join(":", arguments) + ">";
        }
    }

    /** Takes them out of {@code text}. */
    public static ExtraNetworks parse(String text) {
        StringBuilder prompt = new StringBuilder();
        List<Named> networks = new ArrayList<>();
        int lastClosing = text.lastIndexOf('>');
        int from = 0;
        int at = text.indexOf('<');
        while (at >= 0 && at < lastClosing) {
            int colon = at + 1;
            while (colon < text.length() && Characters.isWord(text.codePointAt(colon))) {
                colon += Character.charCount(text.codePointAt(colon));
            }
            int end = at + 1;
            if (colon > at + 1 && text.charAt(colon) == ':' && text.charAt(colon + 1) != '>') {
                end = text.indexOf('>', colon) + 1;
                prompt.append(text, from, at);
                String[] arguments = text.substring(colon + 1, end - 1).split(":", -1);
                networks.add(new Named(text.substring(at + 1, colon), List.copyOf(Arrays.asList(arguments))));
                from = end;
            }
            at = text.indexOf('<', end);
        }
        return new ExtraNetworks(prompt.append(text, from, text.length()).toString(), List.copyOf(networks));
    }
}
