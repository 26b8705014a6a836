// The prelude of libnvrtc leaves in the preprocessed source three words of CUDA, __global__, __shared__ and __launch_bounds__, and `#pragma unroll n`.
#include "translate.h"

#include <cctype>
#include <stdexcept>

namespace softcuda {

namespace {

bool isWord(char c) { return isalnum(static_cast<unsigned char>(c)) || c == '_'; }

class Translator {
   public:
    explicit Translator(const std::string& source) : in(source) {}

    std::string run() {
        while (at < in.size()) {
            char c = in[at];
            bool separator = c == '\'' && at && isdigit(static_cast<unsigned char>(in[at - 1]));  // 1'000
            if (c == '"' || (c == '\'' && !separator)) copyLiteral(c);
            else if (c == '#' && (at == 0 || in[at - 1] == '\n')) directive();
            else if (isWord(c)) copyOrTranslateWord();
            else out += c, at++;
        }
        return out + "\n" + entries;
    }

   private:
    void copyTo(size_t end) {
        if (end == std::string::npos) end = in.size();
        out.append(in, at, end - at);
        at = end;
    }

    /**
     * `#pragma unroll n` has another name in g++: local arrays then live in registers, and not in memory, where every access is checked. Without
     * a number it is left to g++, since loops unrolled for a GPU take g++ long to compile.
     */
    void directive() {
        const std::string unroll = "#pragma unroll ";
        if (in.compare(at, unroll.size(), unroll) == 0) {
            out += "#pragma GCC unroll ";
            at += unroll.size();
        }
        copyTo(in.find('\n', at));
    }

    void copyLiteral(char quote) {
        size_t end = at + 1;
        while (end < in.size() && in[end] != quote) end += in[end] == '\\' ? 2 : 1;
        copyTo(end + 1);
    }

    void copyOrTranslateWord() {
        size_t end = at;
        while (end < in.size() && isWord(in[end])) end++;
        std::string word = in.substr(at, end - at);
        if (word == "__global__") {
            kernel(end);
        } else if (word == "__shared__") {
            sharedVariables(end);
        } else {
            copyTo(end);
        }
    }

    /** The position after the parenthesis that closes the one at `open`. */
    size_t closing(size_t open) const {
        int depth = 0;
        for (size_t i = open; i < in.size(); i++) {
            if (in[i] == '(') depth++;
            if (in[i] == ')' && --depth == 0) return i + 1;
        }
        throw std::runtime_error("a parenthesis is not closed");
    }

    /** extern "C" __global__ [__launch_bounds__(n)] void [__launch_bounds__(n)] name(… */
    void kernel(size_t end) {
        std::string bounds, name;
        size_t i = end;
        for (;;) {
            while (i < in.size() && !isWord(in[i]) && in[i] != '(') i++;
            if (i >= in.size()) throw std::runtime_error("__global__ without a function");
            if (in[i] == '(') break;
            size_t wordEnd = i;
            while (wordEnd < in.size() && isWord(in[wordEnd])) wordEnd++;
            name = in.substr(i, wordEnd - i);
            i = wordEnd;
            if (name != "__launch_bounds__") {
                out += name + " ";
                continue;
            }
            i = in.find('(', i);
            bounds = in.substr(i, closing(i) - i);
            i = closing(i);
        }
        if (bounds.empty()) bounds = "()";
        entries += "extern \"C\" __attribute__((visibility(\"default\"))) const softcuda::KernelEntry softcuda_kernel_" + name +
                   " = softcuda::entry<&" + name + ">(\"" + name + "\", softcuda::maxThreads" + bounds + ");\n";
        skipTo(i);
    }

    /** Goes on at `end`, on the same line as before. */
    void skipTo(size_t end) {
        for (; at < end; at++)
            if (in[at] == '\n') out += '\n';
    }

    static std::string trim(std::string text) {
        while (!text.empty() && isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
        size_t start = 0;
        while (start < text.size() && isspace(static_cast<unsigned char>(text[start]))) start++;
        return text.substr(start);
    }

    /** Removes alignas(…): shared variables are aligned to 128 bytes anyway. */
    static std::string withoutAlignment(std::string text) {
        for (size_t from; (from = text.find("alignas")) != std::string::npos;) {
            size_t end = text.find('(', from);
            for (int depth = 0; end < text.size(); end++) {
                if (text[end] == '(') depth++;
                if (text[end] == ')' && --depth == 0) break;
            }
            text.erase(from, end + 1 - from);
        }
        return trim(text);
    }

    /** __shared__ T a[n], b; → T (&a)[n] = shared<T[n]>([] {}) and so on; extern: the dynamic shared memory. */
    void sharedVariables(size_t end) {
        size_t stop = in.find(';', end);
        std::string declaration = withoutAlignment(in.substr(end, stop - end));
        size_t before = out.find_last_not_of(" \t\n");
        bool isExtern = before != std::string::npos && before >= 5 && out.compare(before - 5, 6, "extern") == 0;
        bool isStatic = before != std::string::npos && before >= 5 && out.compare(before - 5, 6, "static") == 0;
        if (isExtern || isStatic) out.erase(before - 5, 6);
        std::string type;
        size_t start = 0;
        int depth = 0;
        for (size_t i = 0; i <= declaration.size(); i++) {
            char c = i < declaration.size() ? declaration[i] : ',';
            if (c == '[' || c == '<' || c == '(') depth++;
            if (c == ']' || c == '>' || c == ')') depth--;
            if (c != ',' || depth) continue;
            variable(trim(declaration.substr(start, i - start)), type, isExtern);
            start = i + 1;
        }
        skipTo(stop + 1);
    }

    void variable(const std::string& declarator, std::string& type, bool isExtern) {
        size_t bracket = declarator.find('[');
        std::string dimensions = bracket == std::string::npos ? "" : declarator.substr(bracket);
        std::string head = trim(declarator.substr(0, bracket));
        size_t nameStart = head.size();
        while (nameStart > 0 && isWord(head[nameStart - 1])) nameStart--;
        std::string name = head.substr(nameStart);
        if (type.empty()) type = trim(head.substr(0, nameStart));
        if (type.empty() || name.empty()) throw std::runtime_error("__shared__ " + declarator + ": not understood");
        if (isExtern) {
            out += type + "* const " + name + " = softcuda::dynamicShared<" + type + ">();";
        } else {
            out += "auto& " + name + " = softcuda::shared<" + type + dimensions + ">([] {});";
        }
    }

    const std::string& in;
    size_t at = 0;
    std::string out, entries;
};

}  // namespace

std::string translate(const std::string& preprocessed) { return Translator(preprocessed).run(); }

}  // namespace softcuda
